from __future__ import annotations

import pytest
import typer

from phantom_gateway.cli import app
from phantom_gateway.cli.remote import groups
from phantom_gateway.cli.remote.description import Command, Group, Kind

GROUPS = [value for value in vars(groups).values() if isinstance(value, Group)]
COMMANDS = [(group, command) for group in GROUPS for command in group.commands]


def test_every_group_is_a_command() -> None:
    assert {group.name for group in GROUPS} == {
        n for n, (module, _, _) in app._COMMANDS.items() if module == app._GROUPS
    }


@pytest.mark.parametrize(("group", "command"), COMMANDS, ids=lambda each: each.name)
def test_descriptions_are_whole(group: Group, command: Command) -> None:
    assert command.help.endswith(".")
    names = [given.name for given in command.given]
    assert len(set(names)) == len(names)
    assert all(given.help for given in command.given)
    said = command.said.format(**dict.fromkeys(names, "x"))
    assert not (said and command.columns)
    assert typer.main.get_command(getattr(groups, group.name)).commands[command.name].help  # type: ignore[attr-defined]


def test_only_keys_are_kept_off_the_command_line() -> None:
    kinds = {
        given.kind for group, command in COMMANDS for given in command.given if "key" in given.fills and given.argument
    }
    assert kinds == {Kind.KEY}
