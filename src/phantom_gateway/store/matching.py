"""Texts that contain another, upper or lower case: as fast as each database can tell."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

_ESCAPE = "/"


class _Contains(FunctionElement[bool]):
    """(column, pattern): ``column LIKE pattern``, whatever the case."""

    inherit_cache = True
    type = sa.Boolean()


def contains(column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Whether ``column`` contains ``text``; ``%`` and ``_`` stand for themselves. SQLite knows the case of ASCII only."""
    for special in (_ESCAPE, "%", "_"):
        text = text.replace(special, _ESCAPE + special)
    return _Contains(column, sa.literal(f"%{text}%"))


@compiles(_Contains)
def _like(element: _Contains, compiler: SQLCompiler, **named: Any) -> str:
    # LIKE of SQLite does not regard the case of ASCII, and its lower() knows no other letters
    return _compiled(element, compiler, "LIKE", named)


@compiles(_Contains, "postgresql")
def _ilike(element: _Contains, compiler: SQLCompiler, **named: Any) -> str:
    return _compiled(element, compiler, "ILIKE", named)


def _compiled(element: _Contains, compiler: SQLCompiler, operator: str, named: dict[str, Any]) -> str:
    column, pattern = (compiler.process(each, **named) for each in element.clauses)
    return f"({column} {operator} {pattern} ESCAPE '{_ESCAPE}')"
