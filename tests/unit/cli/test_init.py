from __future__ import annotations

import stat
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from phantom_gateway.cli.check import check_config
from phantom_gateway.cli.init import init, template, write_config

ROOT = Path(__file__).parents[3]


def no_price(_provider: str, _model: str) -> None:
    return None


def test_the_configuration_at_the_root_is_the_template() -> None:
    assert (ROOT / "config.yaml").read_text() == template(), (
        "cp src/phantom_gateway/cli/config_template.yaml config.yaml"
    )


def test_the_template_is_accepted_without_a_remark_or_a_change() -> None:
    report = check_config(ROOT / "config.yaml", {}, no_price)
    assert report.problems == ()
    assert report.notes == ()
    assert report.settings == {}
    assert list(report.models) == ["demo"]


def test_the_commented_parts_are_accepted_too(tmp_path: Path) -> None:
    lines = template().replace("model_list: []", "model_list:").splitlines()
    example = [line[1:] if line.startswith("#  ") and "phantom " not in line else line for line in lines]
    path = tmp_path / "c.yaml"
    path.write_text("\n".join(example))
    names = ("OPENAI_API_KEY", "AZURE_API_KEY", "GROQ_API_KEY", "PHANTOM_MASTER_KEY")
    report = check_config(path, dict.fromkeys(names, "sk-f3a9c1d27be84460a5c0e7"), no_price)
    assert report.problems == ()
    assert list(report.models) == ["gpt-4o", "llama", "groq/*", "demo"]


def test_a_configuration_is_written_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    write_config(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text() == template()
    assert list(tmp_path.iterdir()) == [path]


def test_what_exists_stays_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write_config(path)
    assert path.read_text() == "mine"
    write_config(path, force=True)
    assert path.read_text() == template()
    assert list(tmp_path.iterdir()) == [path]


def test_the_command(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command("init")(init)
    path = tmp_path / "c.yaml"
    assert CliRunner().invoke(app, ["--path", str(path)]).exit_code == 0
    refused = CliRunner().invoke(app, ["--path", str(path)])
    assert refused.exit_code == 1
    assert "--force replaces it" in refused.output
    assert CliRunner().invoke(app, ["--path", str(path), "--force"]).exit_code == 0
    assert CliRunner().invoke(app, ["--path", str(tmp_path / "no" / "dir")]).exit_code == 1
