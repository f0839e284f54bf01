"""The repository as the guards see it: its files, its modules, its syntax trees."""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "src" / "phantom_gateway"

_NOT_OURS = re.compile(r"\.(?!ci$|github$)|__pycache__$|phantom-data$|node_modules$|build$|dist$|.*\.egg-info$")
"""Folders that are made, not written."""


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its path below it, parsed."""
    return {
        path.relative_to(SOURCE).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in sorted(SOURCE.rglob("*.py"))
    }


@cache
def files() -> tuple[Path, ...]:
    """Every written file of the repository."""
    return tuple(sorted(_files()))


def _files() -> Iterator[Path]:
    for folder, names, found in os.walk(ROOT):
        names[:] = [name for name in names if not _NOT_OURS.match(name)]
        yield from (Path(folder) / name for name in found if name != ".git")


def called(node: ast.Call) -> str:
    """The last name of what is called: ``connect`` of ``a.b.connect()``."""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def calls(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every call below ``tree``: its last name and its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield called(node), node.lineno


def imported(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Every absolute import below ``tree``: ``a.b`` for ``import a.b``, ``a.b.c`` for ``from a.b import c``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def lines(places: list[str]) -> str:
    """For the message of an assertion: one place a line."""
    return "\n  " + "\n  ".join(places)
