"""Integers that are added to what a table keeps: many rows at once, new ones made, each in the order of their keys.

Past SQLAlchemy's parameters, as in ``spend_logs``: the names are our own, the values are bound.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import sqlalchemy as sa


class Summed(NamedTuple):
    """A table whose rows are found by ``keys`` and whose ``sums`` grow."""

    table: str
    keys: tuple[str, ...]
    sums: tuple[str, ...]


def add(connection: sa.Connection, to: Summed, rows: Sequence[tuple[int, ...]]) -> None:
    """Add rows of keys and amounts, none of them twice; sorted, so that nodes never wait for each other in a circle."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        # One statement and a text for each column: they are integers only, and thousands of parameters cost more than all else.
        columns = tuple(["{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True)])
        connection.exec_driver_sql(_arrays(to), columns)
    else:
        connection.exec_driver_sql(_row(to), list(rows))


@cache
def _row(to: Summed) -> str:
    names = (*to.keys, *to.sums)
    return f"INSERT INTO {to.table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) {_merge(to)}"  # noqa: S608 only names of our own


@cache
def _arrays(to: Summed) -> str:
    names = (*to.keys, *to.sums)
    arrays = ", ".join(["CAST(%s AS int8[])"] * len(names))
    return f"INSERT INTO {to.table} ({', '.join(names)}) SELECT * FROM unnest({arrays}) {_merge(to)}"  # noqa: S608 only names of our own


def _merge(to: Summed) -> str:
    sums = ", ".join([f"{name} = {to.table}.{name} + excluded.{name}" for name in to.sums])
    return f"ON CONFLICT ({', '.join(to.keys)}) DO UPDATE SET {sums}"
