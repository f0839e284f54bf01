"""Rows of any table as frozen dataclasses: fetch, page, insert, replace, delete.

A row type has one field for each column, by the column's name. ``revision`` counts changes: ``update`` replaces a row only
if it is still the one that was read, so that of two administrators at once the second learns of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import sqlalchemy as sa

from phantom_gateway.store.matching import contains

Condition = sa.ColumnElement[bool]


class Row(Protocol):
    """A frozen dataclass of a table's columns."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def revision(self) -> int:
        """Counts changes."""
        ...


R = TypeVar("R", bound=Row)


class TakenError(Exception):
    """Another row has this value in a column whose values are unique."""

    def __init__(self, column: str) -> None:
        super().__init__(f"another row has this {column}")
        self.column = column


class StaleError(Exception):
    """The row has been changed or deleted since it was read."""


class Rows(Generic[R]):
    """Queries on one table. Every method takes a connection inside a transaction of its caller."""

    def __init__(self, table: sa.Table, row_type: type[R]) -> None:
        self.table = table
        self._type = row_type
        self._names = tuple(field.name for field in fields(row_type))
        self._columns = tuple(table.c[name] for name in self._names)
        self._key = tuple(table.primary_key.columns)
        self._unique = tuple(
            column.name for column in table.columns if column.unique or (len(self._key) == 1 and column.primary_key)
        )

    def get(self, connection: sa.Connection, *key: str) -> R | None:
        """The row with this primary key."""
        return self.one(connection, *self._is(key))

    def one(self, connection: sa.Connection, *conditions: Condition) -> R | None:
        """A row that fulfils all conditions."""
        found = connection.execute(sa.select(*self._columns).where(*conditions)).first()
        return None if found is None else self._made(found)

    def all(self, connection: sa.Connection, *conditions: Condition) -> list[R]:
        """All rows that fulfil all conditions, by primary key."""
        query = sa.select(*self._columns).where(*conditions).order_by(*self._key)
        return [self._made(found) for found in connection.execute(query).all()]

    def of(self, connection: sa.Connection, column: str, values: Sequence[str]) -> list[R]:
        """All rows with one of ``values`` in ``column``."""
        found: list[R] = []
        for start in range(0, len(values), 500):
            found += self.all(connection, self.table.c[column].in_(values[start : start + 500]))
        return found

    def by_keys(self, connection: sa.Connection, keys: Sequence[Sequence[str]]) -> list[R]:
        """The rows with these primary keys, in their order; what is not there is left out."""
        found: dict[tuple[str, ...], R] = {}
        for start in range(0, len(keys), 200):
            chunk = keys[start : start + 200]
            if len(self._key) == 1:
                these: Condition = self._key[0].in_([key[0] for key in chunk])
            else:  # SQLite finds each of these by the index, and would read the whole table for a list of tuples
                these = sa.or_(*[sa.and_(*self._is(key)) for key in chunk])
            query = sa.select(*self._columns).where(these)
            for row in map(self._made, connection.execute(query)):
                found[tuple([getattr(row, column.name) for column in self._key])] = row
        return [found[tuple(key)] for key in keys if tuple(key) in found]

    def count(self, connection: sa.Connection, *conditions: Condition) -> int:
        """How many rows fulfil all conditions."""
        query = sa.select(sa.func.count()).select_from(self.table).where(*conditions)
        return connection.execute(query).scalar_one()

    def page(
        self,
        connection: sa.Connection,
        conditions: Sequence[Condition],
        order: tuple[sa.ColumnElement[Any], bool],
        window: tuple[int, int],
    ) -> list[R]:
        """Matching rows: ``order`` is (column, descending), ties by primary key; ``window`` is (offset, limit)."""
        return self.by_keys(connection, self._window(connection, conditions, order, window))

    def listed(
        self,
        connection: sa.Connection,
        conditions: Sequence[Condition],
        order: tuple[sa.ColumnElement[Any], bool],
        window: tuple[int, int],
    ) -> tuple[int, list[R]]:
        """How many rows match, and those of a page; the last page says by itself how many there are."""
        rows = self.page(connection, conditions, order, window)
        offset, limit = window
        if len(rows) < limit and (rows or not offset):
            return offset + len(rows), rows
        return self.count(connection, *conditions), rows

    def _window(
        self,
        connection: sa.Connection,
        conditions: Sequence[Condition],
        order: tuple[sa.ColumnElement[Any], bool],
        window: tuple[int, int],
    ) -> Sequence[sa.Row[Any]]:
        """The keys of a page: an index answers that, and the wide rows of all pages before need not be read."""
        column, descending = order
        by = [each.desc() if descending else each.asc() for each in (column, *self._key)]
        if getattr(column, "nullable", False):  # what is missing is less than anything, on both databases
            by[0] = by[0].nulls_last() if descending else by[0].nulls_first()
        offset, limit = window
        query = sa.select(*self._key).where(*conditions).order_by(*by).offset(offset).limit(limit)
        return connection.execute(query).all()

    def insert(self, connection: sa.Connection, row: R) -> None:
        """Store a new row. Raises TakenError."""
        self._refuse_taken(connection, row, new=True)
        connection.execute(sa.insert(self.table).values(self._values(row)))

    def update(self, connection: sa.Connection, row: R) -> None:
        """Replace the row with this key; ``row.revision`` is one more than what was read. Raises StaleError, TakenError."""
        self._refuse_taken(connection, row, new=False)
        mine = self._is([getattr(row, column.name) for column in self._key])
        old = self.table.c.revision == row.revision - 1
        changed = connection.execute(sa.update(self.table).where(*mine, old).values(self._values(row)))
        if changed.rowcount != 1:
            raise StaleError

    def delete(self, connection: sa.Connection, *key: str) -> bool:
        """Remove a row; whether it was there."""
        return connection.execute(sa.delete(self.table).where(*self._is(key))).rowcount == 1

    def search(self, text: str, *columns: str) -> Condition:
        """Whether one of ``columns`` contains ``text``, upper or lower case; ``%`` and ``_`` stand for themselves."""
        return sa.or_(*[contains(self.table.c[name], text) for name in columns])

    def _made(self, found: Sequence[Any]) -> R:
        return self._type(**dict(zip(self._names, found, strict=True)))

    def _is(self, key: Sequence[str]) -> list[Condition]:
        return [column == value for column, value in zip(self._key, key, strict=True)]

    def _refuse_taken(self, connection: sa.Connection, row: R, *, new: bool) -> None:
        others = [] if new else [sa.not_(sa.and_(*self._is([getattr(row, column.name) for column in self._key])))]
        for name in self._unique:
            value = getattr(row, name)
            if value is None or (not new and self.table.c[name].primary_key):
                continue
            query = sa.select(sa.literal(1)).select_from(self.table).where(self.table.c[name] == value, *others)
            if connection.execute(query).first() is not None:
                raise TakenError(name)

    def _values(self, row: R) -> dict[str, Any]:
        return {name: getattr(row, name) for name in self._names}
