"""What a command that asks a gateway is made of: data only. ``groups.py`` fills it in, ``command.py`` makes commands of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Kind(Enum):
    """What is typed, and what of it goes into the request."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    FLAG = "flag"
    """Sent as ``Given.sends`` when it is given."""
    NAMES = "names"
    """Commas between them, or the option again; a list of strings."""
    SETTINGS = "settings"
    """``name=value``, repeatable: fields of the request itself, the value as JSON where it is JSON, else as text."""
    KEY = "key"
    """A key: its hash, its alias, or ``-`` for standard input. Never the key itself, which other processes would see."""


@dataclass(frozen=True, slots=True)
class Given:
    """An option, or with ``argument`` a word of the command line, and the field of the request that it fills.

    ``field`` may lead into an object (``litellm_params.model``). ``many`` makes a list of the arguments.
    """

    name: str
    help: str
    field: str = ""
    kind: Kind = Kind.TEXT
    argument: bool = False
    required: bool = False
    many: bool = False
    sends: bool = True
    spelled: str = ""

    @property
    def fills(self) -> str:
        """The field of the request."""
        return self.field or self.name


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table: its heading and the path of its value in a row. ``short``: an id, cut on terminals."""

    heading: str
    path: str
    short: bool = False


@dataclass(frozen=True, slots=True)
class Command:
    """One request and how its answer is shown.

    ``columns``: the answer is a list, below ``at``. Else with ``said`` the sentence is printed, filled in from what was typed,
    and without it the object below ``at``. ``shown_once`` is the field of a value that is shown now and never again.
    """

    name: str
    help: str
    method: str
    path: str
    given: tuple[Given, ...] = ()
    at: str = ""
    columns: tuple[Column, ...] = ()
    said: str = ""
    shown_once: str = ""
    fixed: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Group:
    """``phantom <name> ...``"""

    name: str
    commands: tuple[Command, ...]
