"""The running configuration as lines to read: what is set, to what, and where that is written; and what a reload has changed.

Only what somebody has set is a line; everything else is at its default. Secrets are never in a line, nor whether one is like
another: a secret that was changed shows as changed, and no more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from phantom_gateway.config.errors import KeyPath, dotted
from phantom_gateway.config.schema import Config
from phantom_gateway.security.redact import HIDDEN, redacted

MOST = 200
"""Differences that are kept of one reload."""
RELOADS = 20
"""Reloads that are remembered."""
_HIDDEN_BELOW = frozenset({"environment_variables", "credential_values"})
Leaves = Mapping[KeyPath, Any]


@dataclass(frozen=True, slots=True)
class Line:
    """One setting. ``file`` and ``line`` say where it is written; without them it was made over the API."""

    path: str
    value: Any
    file: str | None
    line: int | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What one setting was and is; ``None`` where it was or is not set."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Reload:
    """One attempt to bring another configuration into force. ``problems``: why it was refused, empty when it was not."""

    at: float
    revision: int
    problems: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    more: int = 0
    """Differences beyond those."""


def leaves(config: Config) -> dict[KeyPath, Any]:
    """Every value that is set, by its path, as it is: secrets included."""
    found: dict[KeyPath, Any] = {}
    for name in sorted(config.model_fields_set):
        if name != "model_list":
            found.update(_below((name,), getattr(config, name)))
    for path, entry in config.entries():
        found.update(_below(path, entry))
    return found


def lines(config: Config, written: Config) -> list[Line]:
    """The lines of ``config``, of which the files say ``written``."""
    of_files = leaves(written)
    found = []
    for path, value in leaves(config).items():
        in_file = path in of_files and of_files[path] == value
        place = written.position(path) if in_file else None
        found.append(
            Line(dotted(path), shown(path, value), place.file if place else None, place.line if place else None)
        )
    return found


def compared(old: Config, new: Config) -> tuple[list[Difference], int]:
    """What differs, at most ``MOST`` of it, and how much there is beside."""
    before, after = leaves(old), leaves(new)
    paths = [
        path for path in (before | after) if path not in before or path not in after or before[path] != after[path]
    ]
    found = [
        Difference(dotted(path), shown(path, before.get(path)), shown(path, after.get(path))) for path in paths[:MOST]
    ]
    return found, len(paths) - len(found)


def shown(path: KeyPath, value: Any) -> Any:
    """``value`` without secrets, as JSON."""
    if value is None:
        return None
    names = [str(part) for part in path if isinstance(part, str)]
    if _HIDDEN_BELOW & set(names[:-1]):
        return HIDDEN
    return redacted(_plain(value), names[-1] if names else "")


def _below(path: KeyPath, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    parts: list[tuple[str | int, Any]]
    if isinstance(value, BaseModel):
        parts = [(name, getattr(value, name)) for name in sorted(value.model_fields_set)]
    elif isinstance(value, Mapping):
        parts = [(str(name), each) for name, each in value.items()]
    elif isinstance(value, list) and any(isinstance(each, BaseModel | Mapping | list) for each in value):
        parts = list(enumerate(value))
    else:
        if value is not None and value != []:
            yield path, value
        return
    for name, each in parts:
        yield from _below((*path, name), each)


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return [_plain(each) for each in value] if isinstance(value, list) else value
