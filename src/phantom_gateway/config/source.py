"""YAML with positions: text in, a tree that knows file and line of every key and value out.

Built from PyYAML's event stream rather than its loaders, because a loader forgets positions, takes the last of duplicate keys,
recurses without bound and turns an unquoted ``2024-10-21`` into a date. Here:

- a duplicate key, a custom tag, a key that is not a scalar is a problem;
- size, depth and number of values are bounded, aliases counted by what they expand to (no "billion laughs");
- strings stay strings: only null, booleans, integers and floats are resolved; ``<<`` merge keys work.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from phantom_gateway.config.errors import ConfigError, KeyPath, Position, Problem, shown

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 40
MAX_VALUES = 200_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_RESOLVED = (
    f"{_TAG}str",
    f"{_TAG}null",
    f"{_TAG}bool",
    f"{_TAG}int",
    f"{_TAG}float",
    f"{_TAG}timestamp",
    f"{_TAG}merge",
    f"{_TAG}value",
)


@dataclass(slots=True)
class Scalar:
    """A leaf: ``None``, ``bool``, ``int``, ``float`` or ``str``."""

    position: Position
    value: bool | int | float | str | None
    text: str = ""
    """As written, for use as a key."""
    merge: bool = False
    size: int = 1


@dataclass(slots=True)
class Sequence:
    """A list."""

    position: Position
    items: list[Tree] = field(default_factory=list)
    size: int = 1


@dataclass(slots=True)
class Entry:
    """A value in a mapping together with the place of its key."""

    position: Position
    value: Tree


@dataclass(slots=True)
class Mapping:
    """A dictionary, in the order of the file."""

    position: Position
    entries: dict[str, Entry] = field(default_factory=dict)
    size: int = 1


Tree = Scalar | Sequence | Mapping


def read_file(path: Path, name: str) -> str:
    """The text of a configuration file, called ``name`` in problems. Raises ConfigError."""
    try:
        if not path.is_file():
            raise _refused(name, "no such file" if not path.exists() else "not a regular file")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "cannot be opened"
        raise _refused(name, f"cannot be read: {reason}") from error
    if len(data) > MAX_BYTES:
        raise _refused(name, f"larger than {MAX_BYTES // 2**20} MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _refused(name, "not UTF-8", data.count(b"\n", 0, error.start) + 1) from None


def parse(text: str, name: str) -> Mapping:
    """The top-level mapping of one YAML document. Raises ConfigError with every duplicate key, or the first syntax error."""
    if len(text) > MAX_BYTES:
        raise _refused(name, f"larger than {MAX_BYTES // 2**20} MB")
    builder = _Builder(name)
    try:
        root = builder.document(iter(yaml.parse(text, Loader=_LOADER)))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise _refused(name, f"not valid YAML: {error.problem or 'cannot be read'}", line) from None
    except (yaml.YAMLError, ValueError):  # ValueError: a character outside Unicode in an escape
        raise _refused(name, "not valid YAML: it contains a character that is not allowed") from None
    if builder.problems:
        raise ConfigError(builder.problems)
    if isinstance(root, Scalar) and root.value is None:
        return Mapping(Position(name, 1))
    if not isinstance(root, Mapping):
        raise _refused(name, "must be a mapping of sections (model_list:, general_settings:, ...)", root.position.line)
    return root


def _refused(name: str, message: str, line: int = 0, path: KeyPath = ()) -> ConfigError:
    return ConfigError([Problem(Position(name, line), path, message)])


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark is not None else 0


class _Builder:
    """Composes one document from events, iterating over them once; recursion is bounded by MAX_DEPTH."""

    def __init__(self, name: str) -> None:
        self.problems: list[Problem] = []
        self._name = name
        self._anchors: dict[str, Tree | None] = {}
        self._values = 0
        self._resolver: Any = yaml.SafeLoader("")

    def document(self, events: Iterator[yaml.Event]) -> Tree:
        root: Tree = Scalar(Position(self._name, 1), None)
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise _refused(self._name, "holds more than one YAML document", _line(event))
            elif isinstance(event, yaml.NodeEvent):
                root = self._node(event, events, ())
        return root

    def _at(self, event: yaml.Event) -> Position:
        return Position(self._name, _line(event))

    def _count(self, size: int, event: yaml.Event) -> None:
        self._values += size
        if self._values > MAX_VALUES:
            raise _refused(self._name, f"holds more than {MAX_VALUES} values", _line(event))

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], path: KeyPath) -> Tree:
        if len(path) > MAX_DEPTH:
            raise _refused(self._name, f"nested deeper than {MAX_DEPTH} levels", _line(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self._anchors[anchor] = None
        self._count(1, event)
        tree: Tree
        if isinstance(event, yaml.SequenceStartEvent):
            self._plain_tag(event, "seq", path)
            tree = self._sequence(event, events, path)
        elif isinstance(event, yaml.MappingStartEvent):
            self._plain_tag(event, "map", path)
            tree = self._mapping(event, events, path)
        elif isinstance(event, yaml.ScalarEvent):
            tree = self._scalar(event, path)
        else:  # the parser yields no other event where a node belongs
            raise _refused(self._name, "not valid YAML", _line(event))
        if anchor is not None:
            self._anchors[anchor] = tree
        return tree

    def _alias(self, event: yaml.AliasEvent) -> Tree:
        name = str(event.anchor)
        if name not in self._anchors:
            raise _refused(self._name, f"unknown alias *{shown(name)}", _line(event))
        target = self._anchors[name]
        if target is None:
            raise _refused(self._name, f"alias *{shown(name)} contains itself", _line(event))
        self._count(target.size, event)
        return target

    def _plain_tag(self, event: yaml.Event, kind: str, path: KeyPath) -> None:
        tag = getattr(event, "tag", None)
        if tag not in (None, "!", _TAG + kind):
            self.problems.append(Problem(self._at(event), path, "YAML tags (!...) are not supported"))

    def _sequence(self, start: yaml.Event, events: Iterator[yaml.Event], path: KeyPath) -> Sequence:
        sequence = Sequence(self._at(start))
        for event in events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            item = self._node(event, events, (*path, len(sequence.items)))
            sequence.items.append(item)
            sequence.size += item.size
        return sequence

    def _mapping(self, start: yaml.Event, events: Iterator[yaml.Event], path: KeyPath) -> Mapping:
        mapping = Mapping(self._at(start))
        merged: list[Mapping] = []
        for event in events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._node(event, events, path)
            name = key.text if isinstance(key, Scalar) else ""
            value = self._node(next(events), events, (*path, name))
            mapping.size += 1 + value.size
            where = self._at(event)
            if not isinstance(key, Scalar):
                self.problems.append(Problem(where, path, "a key must be a plain word"))
            elif key.merge:
                merged += self._merge_sources(value, where, path)
            elif name in mapping.entries:
                first = mapping.entries[name].position.line
                self.problems.append(Problem(where, (*path, name), f"duplicate key, first written in line {first}"))
            else:
                mapping.entries[name] = Entry(where, value)
        for source in merged:
            for name, entry in source.entries.items():
                mapping.entries.setdefault(name, entry)
        return mapping

    def _merge_sources(self, value: Tree, where: Position, path: KeyPath) -> list[Mapping]:
        candidates = value.items if isinstance(value, Sequence) else [value]
        sources = [candidate for candidate in candidates if isinstance(candidate, Mapping)]
        if len(sources) != len(candidates):
            self.problems.append(Problem(where, path, "<< must be followed by a mapping or a list of mappings"))
        return sources

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> Scalar:
        where, text = self._at(event), event.value
        tag = event.tag
        if tag in (None, "!"):
            plain = tag is None and event.implicit[0]
            tag = self._resolver.resolve(yaml.ScalarNode, text, (plain, not plain)) if plain else _TAG + "str"
        if tag not in _RESOLVED:
            self.problems.append(Problem(where, path, "YAML tags (!...) are not supported"))
            return Scalar(where, text, text)
        try:
            value = _value(tag, text)
        except ValueError:
            self.problems.append(Problem(where, path, "is not a number that can be read"))
            value = None
        return Scalar(where, value, text, merge=tag == f"{_TAG}merge")


def _value(tag: str, text: str) -> bool | int | float | str | None:
    kind = tag.removeprefix(_TAG)
    if kind == "null":
        return None
    if kind == "bool":
        return text.lower() in ("yes", "true", "on")
    if ":" in text or kind not in ("int", "float"):  # 1:30 is no number of seconds but a time or an address
        return text
    digits = text.replace("_", "").lower()
    if kind == "float":
        return (
            _finite(float(digits)) if digits[-1:].isdigit() or digits.endswith(".") else text
        )  # .inf and .nan stay words
    sign = -1 if digits.startswith("-") else 1
    digits = digits.lstrip("+-")
    octal = len(digits) > 1 and digits.startswith("0") and digits.isdigit()
    number = sign * int(digits, 8 if octal else 0)
    if abs(number) >= 2**63:
        raise ValueError("too large")
    return number


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("too large")
    return number


def merge_include(own: Mapping, included: Mapping) -> None:
    """Add an included file's tree to ``own`` in place: lists are appended, mappings merged, and what ``own`` says stays."""
    for name, entry in included.entries.items():
        mine = own.entries.get(name)
        if mine is None:
            own.entries[name] = entry
        elif isinstance(mine.value, Mapping) and isinstance(entry.value, Mapping):
            merged = Mapping(mine.value.position, dict(mine.value.entries))
            merge_include(merged, entry.value)
            own.entries[name] = Entry(mine.position, merged)
        elif isinstance(mine.value, Sequence) and isinstance(entry.value, Sequence):
            items = [*mine.value.items, *entry.value.items]
            own.entries[name] = Entry(mine.position, Sequence(mine.value.position, items))
