"""What is wrong with a configuration, and what is worth knowing about a right one.

    ConfigError       every problem of a configuration, collected
      .problems       one ``Problem`` each: where, which key, what, and what was probably meant
    Note              a remark on a configuration that is valid

Messages never contain values: a value may be a secret in the wrong place. They name keys, and model or provider names where
``shown`` finds them harmless.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

KeyPath = tuple[str | int, ...]
"""The way to a value: ``("model_list", 0, "litellm_params", "rpm")``."""

NoteKind = Literal["warning", "later", "noted"]
"""``later``: accepted, not active yet. ``noted``: accepted, has no effect here by design."""

_CREDENTIAL_LOOK = re.compile(
    r"(?i)\b(sk|pk|rk|key|ghp|gsk|xai|hf|eyj|akia|bearer|basic)[-_. a-z]?[a-z0-9_\-.]{6,}|[a-z0-9+/]{32,}|://[^/]*@"
)
_WORDS_ABOUT_KEYS = re.compile(r"key(_[a-z]{2,12}){1,4}")
"""``key_management_system``: the name of a setting."""


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a file; line 0 means the file as a whole."""

    file: str = "config"
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Problem:
    """One reason why a configuration is refused."""

    position: Position
    path: KeyPath
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return _line(self.position, self.path, self.message, self.hint)


@dataclass(frozen=True, slots=True)
class Note:
    """One remark on a valid configuration."""

    kind: NoteKind
    position: Position
    path: KeyPath
    message: str
    hint: str = ""

    def __str__(self) -> str:
        return _line(self.position, self.path, self.message, self.hint)


class ConfigError(Exception):
    """The configuration is refused; ``problems`` holds all reasons, in the order of the files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.position.file, problem.position.line)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _line(position: Position, path: KeyPath, message: str, hint: str) -> str:
    key = f"{dotted(path)}: " if path else ""
    return f"{position}: {key}{message}{f' ({hint})' if hint else ''}"


def dotted(path: KeyPath) -> str:
    """The key path as people write it: ``model_list[0].litellm_params.rpm``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{shown(part)}" if text else shown(part)
    return text


def shown(text: str) -> str:
    """``text`` for a message: cut to 60 printable characters, or ``***`` when it looks like a credential."""
    if _CREDENTIAL_LOOK.search(text) and not _WORDS_ABOUT_KEYS.fullmatch(text):
        return "***"
    cut = text if len(text) <= 60 else text[:57] + "..."
    return "".join(character if character.isprintable() else "?" for character in cut)


def nearest(name: str, valid: Iterable[str], *, cutoff: float = 0.72) -> str:
    """``did you mean x?`` for the valid name closest to ``name``, or an empty string."""
    found = difflib.get_close_matches(name[:80].lower(), list(valid), n=1, cutoff=cutoff)
    return f"did you mean {found[0]}?" if found else ""
