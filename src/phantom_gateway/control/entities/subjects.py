"""What customers and tags have in common: an id, an allowance, and counters of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities import temporary
from phantom_gateway.control.entities.changes import check, renamed_columns
from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.past import complete, past_of, require_budget
from phantom_gateway.control.entities.temporary import TemporaryFields
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store.rows import Rows
from phantom_gateway.store.tenants import CustomerRow, TagRow

JsonObject = dict[str, Any]
S = TypeVar("S", CustomerRow, TagRow)


@dataclass(frozen=True, slots=True)
class Kind(Generic[S]):
    """Customers or tags."""

    name: str
    """As in scopes."""
    rows: Rows[S]
    id_field: str
    """What the API calls the id."""
    own: tuple[str, ...]
    """Columns beside those of an allowance, named as the API's fields."""
    views: Callable[[sa.Connection, list[S], float], list[JsonObject]]

    def existing(self, connection: sa.Connection, name: str, field: str) -> S:
        """The row. Raises ApiError 404 naming ``field``."""
        row = self.rows.get(connection, name)
        if row is None:
            raise not_found(f"No such {self.name}.", field)
        return row


@dataclass(frozen=True, slots=True)
class SubjectService(Generic[S]):
    """Changes rows of one kind in a caller's name."""

    writer: Writer
    kind: Kind[S]

    async def create(self, blank: S, fields: TemporaryFields) -> tuple[JsonObject, int]:
        """``blank`` with the request's fields, stored; as it is shown, and its revision."""
        stamp: JsonObject = {"created_by": self.writer.by, "updated_by": self.writer.by}
        row = replace(blank, **stamp, **self._columns(zoned(fields, self.writer.zone), None))

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            if self.kind.rows.get(connection, row.id) is not None:
                raise bad_field(self.kind.id_field, f"another {self.kind.name} has this {self.kind.id_field}")
            self._check(connection, row)
            self.kind.rows.insert(connection, row)
            return self._changed(connection, effects, "CREATED", (None, row))

        return await self.writer.commit(change)

    async def update(self, name: str, fields: TemporaryFields) -> tuple[JsonObject, int]:
        """The row after the change. Raises ApiError 404."""

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            old = self.kind.existing(connection, name, self.kind.id_field)
            self.writer.check_match(old.revision)
            row = self._touched(old, **self._columns(zoned(fields, self.writer.zone), old))
            self._check(connection, row)
            self.kind.rows.update(connection, row)
            return self._changed(connection, effects, "UPDATED", (old, row))

        return await self.writer.commit(change)

    async def set_blocked(self, makes: list[S], blocked: bool) -> list[JsonObject]:
        """Several at once; who is not known and is to be blocked is stored as ``makes`` has it."""

        def change(connection: sa.Connection, effects: Effects) -> list[JsonObject]:
            found = []
            for blank in makes:
                old = self.kind.rows.get(connection, blank.id)
                if old is None and not blocked:
                    continue
                if old is None:
                    self.writer.check_absent()
                    row = replace(blank, blocked=blocked)
                    self.kind.rows.insert(connection, row)
                else:
                    self.writer.check_match(old.revision)
                    row = self._touched(old, blocked=blocked)
                    self.kind.rows.update(connection, row)
                self.writer.tag(row.revision)
                found.append(self._changed(connection, effects, "BLOCKED" if blocked else "UNBLOCKED", (old, row))[0])
            return found

        return await self.writer.commit(change)

    async def delete(self, names: list[str], field: str) -> int:
        """Delete all of them or, when one does not exist, none; how many. What they spent stays in the spend log."""

        def change(connection: sa.Connection, effects: Effects) -> int:
            rows = [self.kind.existing(connection, name, field) for name in dict.fromkeys(names)]
            for row in rows:
                self.writer.check_match(row.revision)
                self.kind.rows.delete(connection, row.id)
                self._changed(connection, effects, "DELETED", (row, None))
            return len(rows)

        return await self.writer.commit(change)

    def _changed(
        self, connection: sa.Connection, effects: Effects, what: str, states: tuple[S | None, S | None]
    ) -> tuple[JsonObject, int]:
        """What follows from every change, in one place: workers, budgets, the audit record, the view."""
        now = self.writer.now
        before, after = states
        row = after or before
        assert row is not None
        name = f"{self.kind.name}:{row.id}"
        effects.forget.append(name)
        old, new = (None if each is None else self.kind.views(connection, [each], now)[0] for each in states)
        effects.audit.append(Change(EventCode[f"{self.kind.name.upper()}_{what}"], row.id, old, new))
        if after is None:
            return {}, 0
        known = None if before is None else complete(connection, before)
        effects.spent += past_of(connection, Entity(name, complete(connection, after)), known, now)
        temporary.note(self.writer.services.temporary, name, after, now)
        return self.kind.views(connection, [after], now)[0], after.revision

    def _check(self, connection: sa.Connection, row: S) -> None:
        check(row)
        temporary.check(row)
        require_budget(connection, row.budget_id)

    def _touched(self, row: S, **columns: Any) -> S:
        stamp: JsonObject = {"updated_at": self.writer.now, "updated_by": self.writer.by, "revision": row.revision + 1}
        return replace(row, **stamp, **columns)

    def _columns(self, fields: TemporaryFields, before: S | None) -> JsonObject:
        own = {name: getattr(fields, name) for name in self.kind.own if name in fields.model_fields_set}
        for_a_while = temporary.temporary_columns(fields, self.writer.now)
        return renamed_columns(fields, before, {}) | for_a_while | own
