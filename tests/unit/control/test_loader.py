from __future__ import annotations

from pathlib import Path

import pytest

from phantom_gateway.config.errors import ConfigError
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.loader import ConfigurationLoader, demo_socket

PEPPER = Secret("ab" * 32)
GOOD = "sk-f3a9c1d27be84460a5c0e7"
CONFIG = """
model_list:
  - model_name: gpt
    litellm_params: {{model: openai/gpt-4o, api_key: os.environ/OPENAI_API_KEY}}
general_settings: {{master_key: "{key}"}}
"""


def loader(path: Path | None, data_dir: Path) -> ConfigurationLoader:
    return ConfigurationLoader(path, {"OPENAI_API_KEY": "sk-provider"}, data_dir, PEPPER)


def test_a_file_becomes_a_snapshot_with_prices_and_the_demo_model(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(key=GOOD))
    made = loader(path, tmp_path)
    snapshot, _notes = made.load(4)
    groups = {deployment.group: deployment for deployment in snapshot.deployments}
    assert (snapshot.revision, set(groups)) == (4, {"gpt", "demo"})
    assert groups["gpt"].prices.input > 0
    assert groups["demo"].address.socket_path == str(demo_socket(tmp_path))
    assert made.master.secret.reveal() == GOOD
    assert snapshot.key_pepper == PEPPER


def test_without_a_file_the_environment_decides(tmp_path: Path) -> None:
    made = loader(None, tmp_path)
    snapshot, _ = made.load(1)
    assert {deployment.group for deployment in snapshot.deployments} == {"demo", "openai/*"}
    assert made.master.generated
    assert made.files() == ()


def test_a_weak_master_key_is_a_problem_of_its_line(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(key=GOOD))
    made = loader(path, tmp_path)
    made.load(1)
    path.write_text(CONFIG.format(key="sk-" + "a" * 24))
    with pytest.raises(ConfigError, match="too regular") as caught:
        made.load(2)
    assert caught.value.problems[0].position.line == 5
    assert "aaaa" not in str(caught.value)
    assert made.master.secret.reveal() == GOOD


def test_included_files_are_watched_too(tmp_path: Path) -> None:
    (tmp_path / "models.yaml").write_text("model_list: []\n")
    path = tmp_path / "config.yaml"
    path.write_text("include: [models.yaml]\n")
    made = loader(path, tmp_path)
    made.load(1)
    assert set(made.files()) == {path, tmp_path / "models.yaml"}
    (tmp_path / "models.yaml").write_text("modellist: []\n")
    with pytest.raises(ConfigError):
        made.load(2)
    assert set(made.files()) == {path, tmp_path / "models.yaml"}
