"""From a file to a ``Config``, or to a ``ConfigError`` that names every problem.

Steps: parse with positions → merge ``include`` → resolve ``os.environ/`` → validate section by section → look at what concerns
several sections (``crosscheck``) → remarks. A problem in one section does not hide those of the others.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from phantom_gateway.config import source
from phantom_gateway.config.crosscheck import cross_check
from phantom_gateway.config.errors import ConfigError, KeyPath, Note, Position, Problem, nearest, shown
from phantom_gateway.config.known import ROUTER_SETTINGS, UNKNOWN_HERE
from phantom_gateway.config.messages import describe, elsewhere, section_at
from phantom_gateway.config.notes import remarks
from phantom_gateway.config.schema import Config, locate
from phantom_gateway.config.schema_general import OTHER_KEYS

MAX_INCLUDE_DEPTH = 8
MAX_INCLUDES = 100
ENVIRON = "os.environ/"
_NOT_REPLACED = "the ${...} in it is not replaced here"
EXTENSION = "x-"
"""Sections whose names begin so are nobody's: they hold what anchors repeat, as in other programs' YAML."""

_FORGIVING = frozenset({"general_settings", "router_settings"})
"""LiteLLM's sections of a closed schema, in which a key that resembles none is left out with a warning; our own are strict."""
_SET_ASIDE = MappingProxyType({"general_settings": OTHER_KEYS, "router_settings": ROUTER_SETTINGS})
_OF_SETTINGS = frozenset(
    (name,) for name in ("model_list", "litellm_settings", "router_settings", "general_settings", "credential_list")
)
_SHELL = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)[^}]*\}")

Check = Callable[[Config, Mapping[str, str]], Sequence[Problem]]
"""A check of a layer above (provider names); it sees the valid parts of the configuration."""


def load_config(path: Path, environment: Mapping[str, str], *, checks: Sequence[Check] = ()) -> Config:
    """Load ``path``. Raises ConfigError; nothing else, whatever the file holds."""
    tree = _Includes().load(path)
    return _Load(tree, environment, checks).result()


def parse_config(
    text: str, environment: Mapping[str, str], *, name: str = "config", checks: Sequence[Check] = ()
) -> Config:
    """Like ``load_config`` for a text without ``include``. Raises ConfigError."""
    tree = source.parse(text, name)
    return _Load(tree, environment, checks).result()


class _Includes:
    """Reads a file and all it includes into one tree. A file included twice counts once; a cycle is a problem."""

    def __init__(self) -> None:
        self._done: set[Path] = set()

    def load(self, path: Path) -> source.Mapping:
        return self._load(path, str(path), ())

    def _load(self, path: Path, name: str, parents: tuple[Path, ...]) -> source.Mapping:
        tree = source.parse(source.read_file(path, name), name)
        resolved = path.resolve()
        self._done.add(resolved)
        entry = tree.entries.get("include")
        if entry is None:
            return tree
        problems: list[Problem] = []
        for index, (item, target) in enumerate(self._targets(entry.value, problems)):
            where = ("include", index)
            child = path.parent / target
            try:
                if child.resolve() in (*parents, resolved):
                    problems.append(Problem(item.position, where, "the file includes itself"))
                elif child.resolve() not in self._done:
                    self._bounded(parents, item.position, where)
                    source.merge_include(tree, self._load(child, str(child), (*parents, resolved)))
            except ConfigError as error:
                problems += error.problems
            except (OSError, ValueError, RuntimeError):  # a loop of links, a NUL in the name
                problems.append(Problem(item.position, where, "is not a path that can be opened"))
        if problems:
            raise ConfigError(problems)
        return tree

    def _bounded(self, parents: tuple[Path, ...], position: Position, where: KeyPath) -> None:
        if len(parents) >= MAX_INCLUDE_DEPTH:
            raise ConfigError([Problem(position, where, f"files are included deeper than {MAX_INCLUDE_DEPTH} levels")])
        if len(self._done) >= MAX_INCLUDES:
            raise ConfigError([Problem(position, where, f"more than {MAX_INCLUDES} files are included")])

    def _targets(self, value: source.Tree, problems: list[Problem]) -> list[tuple[source.Scalar, str]]:
        items = value.items if isinstance(value, source.Sequence) else [value]
        targets = []
        for item in items:
            if isinstance(item, source.Scalar) and isinstance(item.value, str) and item.value:
                targets.append((item, item.value))
            elif not (isinstance(item, source.Scalar) and item.value is None):
                problems.append(Problem(item.position, ("include",), "must be a list of file names"))
        return targets


@dataclass(slots=True)
class _Plain:
    """A tree as plain values, with the position of everything in it and the ``os.environ/`` names it uses."""

    environment: Mapping[str, str]
    positions: dict[KeyPath, Position] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unreplaced: dict[KeyPath, str] = field(default_factory=dict)
    """Where a shell's ``${NAME}`` stands, and what was probably meant."""

    def convert(self, tree: source.Tree, path: KeyPath, position: Position) -> Any:
        self.positions[path] = position
        if isinstance(tree, source.Mapping):
            return {key: self.convert(entry.value, (*path, key), entry.position) for key, entry in tree.entries.items()}
        if isinstance(tree, source.Sequence):
            return [self.convert(item, (*path, index), item.position) for index, item in enumerate(tree.items)]
        if isinstance(tree.value, str) and tree.value.startswith(ENVIRON):
            return self._variable(tree.value.removeprefix(ENVIRON), path, position)
        if isinstance(tree.value, str) and path[:1] in _OF_SETTINGS and (found := _SHELL.search(tree.value)):
            self.unreplaced[path] = f"write os.environ/{shown(found[1])} as the whole value"
        return tree.value

    def _variable(self, name: str, path: KeyPath, position: Position) -> str:
        value = self.environment.get(name, "")
        if not value:
            state = "is empty" if name in self.environment else "is not set"
            hint = "export it, or set it under environment_variables"
            self.problems.append(Problem(position, path, f"the environment variable {shown(name)} {state}", hint))
        return value


class _Load:
    """One run over one tree."""

    def __init__(self, tree: source.Mapping, environment: Mapping[str, str], checks: Sequence[Check]) -> None:
        self._checks = checks
        self._environment = environment
        self._plain = _Plain({**environment, **_own_variables(tree, environment)})
        values: dict[str, Any] = self._plain.convert(tree, (), tree.position)
        self._values = {key: value for key, value in values.items() if value is not None}
        self._problems = self._plain.problems
        self._notes: list[Note] = []

    def result(self) -> Config:
        """The configuration. Raises ConfigError with all problems."""
        config = self._validated()
        found = [*cross_check(config, self._values, self._environment)]
        for check in self._checks:
            said = {problem.path for problem in found}
            found += [problem for problem in check(config, self._environment) if problem.path not in said]
        known = {problem.path for problem in self._problems}
        self._problems += [problem for problem in found if problem.path not in known]
        if self._problems:
            raise ConfigError([self._meant(problem) for problem in _unique(self._problems)])
        config.note([*self._notes, *self._unreplaced(), *remarks(config)])
        return config

    def _meant(self, problem: Problem) -> Problem:
        """What is wrong with a value is often that nobody has put the variable's in its place."""
        if (hint := self._plain.unreplaced.get(problem.path)) is None:
            return problem
        return Problem(problem.position, problem.path, f"{problem.message}; {_NOT_REPLACED}", hint)

    def _unreplaced(self) -> Iterator[Note]:
        for path, hint in self._plain.unreplaced.items():
            yield Note("warning", locate(self._plain.positions, path), path, _NOT_REPLACED, hint)

    def _validated(self) -> Config:
        """The valid parts; what is invalid goes into ``_problems``."""
        parts: dict[str, Any] = {}
        places: list[int] = []
        for name, value in self._values.items():
            path = (name,)
            if name.startswith(EXTENSION):
                self._notes.append(
                    Note("noted", locate(self._plain.positions, path), path, "An extension: a place for YAML anchors.")
                )
            elif name not in Config.model_fields:
                hint, position = (
                    elsewhere(path) or nearest(name, Config.model_fields),
                    locate(self._plain.positions, path),
                )
                if hint:
                    self._problems.append(Problem(position, path, "unknown section", hint))
                else:
                    self._notes.append(Note("warning", position, path, "not a known section, without effect"))
            elif name == "model_list" and isinstance(value, list):
                valid = [(index, self._part(name, [item], index)) for index, item in enumerate(value)]
                parts[name] = [entries[0] for _, entries in valid if entries]
                places = [index for index, entries in valid if entries]
            else:
                self._set_aside(name, value)
                self._leave_out(name, value)
                part = self._part(name, value)
                if part is not None:
                    parts[name] = part
        return Config.model_validate(parts).written(self._plain.positions, places)

    def _part(self, name: str, value: Any, place: int | None = None) -> Any:
        """One section, or one entry of ``model_list`` with its place in the file; ``None`` when it is invalid."""
        try:
            return getattr(Config.model_validate({name: value}), name)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                loc = details["loc"] if place is None else (name, place, *details["loc"][2:])
                self._problems.append(self._translate(details, loc))
            return None

    def _translate(self, details: ErrorDetails, loc: tuple[int | str, ...]) -> Problem:
        """Pydantic's location also names union members and validators: only what was written, or is missing, counts."""
        path: KeyPath = ()
        for index, part in enumerate(loc):
            if (*path, part) in self._plain.positions or (details["type"] == "missing" and index == len(loc) - 1):
                path = (*path, part)
        position = locate(self._plain.positions, path)
        if details["type"] == "extra_forbidden":
            section = section_at(path[:-1])
            hint = elsewhere(path) or nearest(str(path[-1]), section.model_fields if section else ())
            return Problem(position, path, "unknown key", hint)
        return Problem(position, path, *describe(details))

    def _set_aside(self, name: str, value: Any) -> None:
        """Take out keys that LiteLLM knows and this schema does not type."""
        known = _SET_ASIDE.get(name)
        if known is None or not isinstance(value, dict):
            return
        for key in [key for key in value if key in known]:
            if value.pop(key) is None:
                continue
            path = (name, key)
            self._notes.append(Note("later", locate(self._plain.positions, path), path, UNKNOWN_HERE))

    def _leave_out(self, name: str, value: Any) -> None:
        """Take out keys that nobody knows, as LiteLLM does; what looks like a slip stays, and is a problem."""
        if name not in _FORGIVING or not isinstance(value, dict) or (section := section_at((name,))) is None:
            return
        for key in [key for key in value if key not in section.model_fields]:
            path = (name, key)
            if not elsewhere(path) and not nearest(str(key), section.model_fields):
                del value[key]
                position = locate(self._plain.positions, path)
                self._notes.append(Note("warning", position, path, "not a known key, without effect"))


def _own_variables(tree: source.Mapping, environment: Mapping[str, str]) -> dict[str, str]:
    """``environment_variables`` before everything else, because the rest refers to them."""
    entry = tree.entries.get("environment_variables")
    if entry is None or not isinstance(entry.value, source.Mapping):
        return {}
    values = _Plain(environment).convert(entry.value, (), entry.position)
    return {name: str(value) for name, value in values.items() if isinstance(value, (str, int, float)) and str(value)}


def _unique(problems: Sequence[Problem]) -> list[Problem]:
    """One problem per place and key: the members of a union each report theirs."""
    first: dict[tuple[Position, KeyPath], Problem] = {}
    for problem in problems:
        first.setdefault((problem.position, problem.path), problem)
    return list(first.values())
