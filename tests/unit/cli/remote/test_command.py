from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from phantom_gateway.cli.remote.api import UsageError, access
from phantom_gateway.cli.remote.command import key_named, request_of, typer_of
from phantom_gateway.cli.remote.description import Command, Given, Group, Kind

COMMAND = Command(
    "do", "Do it.", "POST", "/do",
    (
        Given("name", "", argument=True, required=True),
        Given("role", "", "member.role"),
        Given("models", "", kind=Kind.NAMES),
        Given("off", "", "on", kind=Kind.FLAG, sends=False),
        Given("settings", "", kind=Kind.SETTINGS, spelled="set"),
        Given("params", "", "deep", kind=Kind.SETTINGS, spelled="param"),
    ),
    fixed={"member": {"role": "user"}},
)  # fmt: skip
EMPTY = {"name": "n", "role": None, "models": None, "off": False, "settings": None, "params": None}
ACCESS = access("http://127.0.0.1:1", None, Path("/nowhere"), 1, {"PHANTOM_API_KEY": "sk-x"})


def test_what_is_typed_becomes_the_request() -> None:
    assert request_of(ACCESS, COMMAND, EMPTY) == {"name": "n", "member": {"role": "user"}}
    full = EMPTY | {"role": "admin", "models": ["a,b", "c"], "off": True, "settings": ["x.y=[1]"], "params": ["k=v=w"]}
    assert request_of(ACCESS, COMMAND, full) == {
        "name": "n", "member": {"role": "admin"}, "models": ["a", "b", "c"], "on": False, "x.y": [1], "deep": {"k": "v=w"},
    }  # fmt: skip
    assert COMMAND.fixed == {"member": {"role": "user"}}


@pytest.mark.parametrize("text", ["novalue", "=1", "api_key=sk-plain"])
def test_settings_that_cannot_be_used(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        request_of(ACCESS, COMMAND, EMPTY | {"params": [text]})
    assert "sk-plain" not in str(caught.value)


def test_a_key_in_plain_sight_is_refused() -> None:
    with pytest.raises(UsageError, match="standard input"):
        key_named(ACCESS, "sk-something")
    assert key_named(ACCESS, "a" * 64) == "a" * 64


def test_usage_is_2_and_a_failure_1() -> None:
    app = typer_of(Group("group", (COMMAND, Command("other", "Other.", "GET", "/other"))))
    runner = CliRunner(env={"PHANTOM_API_KEY": "sk-x", "PHANTOM_URL": "http://127.0.0.1:1"})
    assert runner.invoke(app, ["do"]).exit_code == 2
    assert runner.invoke(app, ["do", "n", "--set", "x"]).exit_code == 2
    failed = runner.invoke(app, ["do", "n"])
    assert failed.exit_code == 1
    assert failed.output.startswith("phantom group do: http://127.0.0.1:1:")
    assert failed.output.count("\n") == 1
