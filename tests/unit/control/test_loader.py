from __future__ import annotations

from pathlib import Path

import pytest

from phantom_gateway.config.errors import ConfigError
from phantom_gateway.config.schema_models import ModelEntry
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.loader import ConfigurationLoader, demo_socket
from phantom_gateway.control.stored import Stored, StoredModel
from phantom_gateway.store.database import DatabaseError

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


def test_answers_are_cached_under_the_key_of_the_cache_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(key=GOOD) + "litellm_settings: {cache: true}\n")
    made = loader(path, tmp_path)
    assert made.load(1)[0].cache is None
    made.cache_secret = Secret("cd" * 32)
    cache = made.load(2)[0].cache
    assert cache is not None
    assert cache.secret.reveal() == "cd" * 32


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


def test_a_reload_without_the_master_key_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(key=GOOD))
    made = loader(path, tmp_path)
    made.load(1)
    half = CONFIG.format(key=GOOD).partition("general_settings")[0]
    path.write_text(half)
    with pytest.raises(ConfigError, match="not there any more"):
        made.load(2)
    assert made.master.secret.reveal() == GOOD
    assert not (tmp_path / "keys").exists()
    made.refresh(2)
    path.write_text(CONFIG.format(key=GOOD + "2"))
    made.load(3)
    assert made.master.secret.reveal() == GOOD + "2"


def test_a_file_that_went_away_is_a_problem_and_stays_watched(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(key=GOOD))
    made = loader(path, tmp_path)
    made.load(1)
    path.unlink()
    with pytest.raises(ConfigError, match="no such file"):
        made.load(2)
    assert made.files() == (path,)
    path.write_text(CONFIG.format(key=GOOD))
    made.load(3)


def test_the_database_is_taken_in_while_the_file_of_the_master_key_is_away(tmp_path: Path) -> None:
    made = loader(None, tmp_path)
    made.load(1)
    (tmp_path / "keys" / "master.key").unlink()
    made.read_stored = lambda: Stored(models=(stored("own"),))
    assert "own" in {each.group for each in made.refresh(2)[0].deployments}


def test_warnings_are_logged_once_a_load(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(key=GOOD) + "litellm_settings: {drop_parms: true, callbacks: [x]}\n")
    made = loader(path, tmp_path)

    def logged() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        caplog.clear()
        return found

    _, notes = made.load(1)
    (said,) = logged()
    assert "did you mean drop_params" in said
    assert said.partition(": ")[2] in notes
    made.refresh(2)
    assert not logged(), "the file is the same"
    made.read_stored = lambda: Stored(models=(stored("bad", model="nobody/x"),))
    made.refresh(3)
    assert any("bad-id" in each for each in logged())
    made.load(4)
    assert len(logged()) >= 2


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


def stored(name: str, model: str = "openai/gpt-4o", **fields: str) -> StoredModel:
    params = {"model": model, "api_key": "sk-provider-of-the-database"} | fields
    entry = {"model_name": name, "litellm_params": params, "model_info": {"id": f"{name}-id"}}
    return StoredModel(f"{name}-id", ModelEntry.model_validate(entry))


def test_models_of_the_database_stand_beside_the_files(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG.format(key=GOOD))
    made = loader(path, tmp_path)
    made.read_stored = lambda: Stored(models=(stored("gpt"), stored("own")))
    snapshot, _ = made.load(1)
    owners = [(each.group, each.db_model) for each in snapshot.deployments]
    assert owners == [("gpt", False), ("demo", False), ("gpt", True), ("own", True)]


def test_the_wildcards_of_the_environment_stay_beside_a_model_of_the_database(tmp_path: Path) -> None:
    made = loader(None, tmp_path)
    made.read_stored = lambda: Stored(models=(stored("own"),))
    snapshot, _ = made.load(1)
    assert {each.group for each in snapshot.deployments} == {"demo", "openai/*", "own"}


def test_a_model_of_the_database_that_does_not_compile_is_left_out_with_a_note(tmp_path: Path) -> None:
    made = loader(None, tmp_path)
    made.read_stored = lambda: Stored(models=(stored("bad", model="nobody/x"), stored("good")))
    snapshot, notes = made.load(1)
    assert "good" in {each.group for each in snapshot.deployments}
    assert "bad" not in {each.group for each in snapshot.deployments}
    assert any("bad-id" in note and "left out" in note for note in notes)


def test_the_files_id_wins(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    entry = "model_list: [{model_name: gpt, litellm_params: {model: openai/x, api_key: k}, model_info: {id: own-id}}]"
    path.write_text(entry)
    made = loader(path, tmp_path)
    made.read_stored = lambda: Stored(models=(stored("own"),))
    snapshot, notes = made.load(1)
    assert [(each.id, each.db_model) for each in snapshot.deployments if each.id == "own-id"] == [("own-id", False)]
    assert any("the configuration file has a model with this id" in note for note in notes)


def test_references_of_the_database_are_never_resolved(tmp_path: Path) -> None:
    made = loader(None, tmp_path)
    made.read_stored = lambda: Stored(models=(stored("own", api_key="os.environ/OPENAI_API_KEY"),))
    (own,) = [each for each in made.load(1)[0].deployments if each.db_model]
    assert own.api_key is not None
    assert own.api_key.reveal() == "os.environ/OPENAI_API_KEY"


def test_with_the_database_away_the_file_is_loaded_with_what_was_last_read(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("model_list: []")
    made = loader(path, tmp_path)
    made.read_stored = lambda: Stored(models=(stored("own"),))
    made.load(1)

    def away() -> Stored:
        raise DatabaseError("away")

    made.read_stored = away
    path.write_text("model_list: []\nphantom: {demo: false}\n")
    groups = {each.group for each in made.load(2)[0].deployments}
    assert groups == {"openai/*", "own"}
    with pytest.raises(DatabaseError):
        made.refresh(3)


def test_a_refresh_takes_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("phantom: {demo: false}")
    made = loader(path, tmp_path)
    made.load(1)
    path.write_text("broken: yes")
    made.read_stored = lambda: Stored(models=(stored("own"),))
    assert {each.group for each in made.refresh(2)[0].deployments} == {"openai/*", "own"}


def test_store_model_in_db_false_serves_the_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("general_settings: {store_model_in_db: false}\nphantom: {demo: false}")
    made = loader(path, tmp_path)
    made.read_stored = lambda: Stored(models=(stored("own"),))
    assert {each.group for each in made.load(1)[0].deployments} == {"openai/*"}


def test_a_model_whose_credential_has_gone_is_not_served_with_another_key(tmp_path: Path) -> None:
    made = loader(None, tmp_path)
    made.read_stored = lambda: Stored(models=(stored("own", api_key="", litellm_credential_name="gone"),))
    snapshot, notes = made.load(1)
    assert not any(each.db_model for each in snapshot.deployments)
    assert any("own-id" in note and "credential_list" in note for note in notes)
