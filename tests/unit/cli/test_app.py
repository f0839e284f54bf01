from __future__ import annotations

import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from phantom_gateway.cli import app


def test_all_commands_are_listed_with_what_they_do() -> None:
    result = CliRunner().invoke(app.build(None), ["--help"])
    assert result.exit_code == 0
    for name, (_, _, text) in app._COMMANDS.items():
        assert name in result.output
        assert text.rstrip(".") in result.output


@pytest.mark.parametrize("name", sorted(app._COMMANDS))
def test_every_command_explains_itself(name: str) -> None:
    result = CliRunner().invoke(app.build(name), [name, "--help"])
    assert result.exit_code == 0, result.output
    assert "Options" in result.output


def test_groups_list_their_commands() -> None:
    result = CliRunner().invoke(app.build("audit"), ["audit", "--help"])
    assert all(name in result.output for name in ("verify", "tail", "export"))


def test_only_the_wanted_command_is_loaded() -> None:
    group = typer.main.get_command(app.build("init"))
    assert [parameter.name for parameter in group.commands["init"].params] == ["path", "force"]  # type: ignore[attr-defined]
    assert group.commands["serve"].params == []  # type: ignore[attr-defined]


def test_as_a_program() -> None:
    command = [sys.executable, "-m", "phantom_gateway.cli"]
    assert subprocess.run([*command, "serv"], capture_output=True, timeout=60).returncode == 2
    told = subprocess.run([*command, "serve", "--help"], capture_output=True, text=True, timeout=60)
    assert told.returncode == 0
    assert "--data-dir" in told.stdout
