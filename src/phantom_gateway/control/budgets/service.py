"""What can be done with budgets, and who refers to them."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.budgets.fields import BudgetDelete, BudgetFields, BudgetNew, BudgetUpdate
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities.changes import check, renamed_columns
from phantom_gateway.control.entities.limits import Entity, completed
from phantom_gateway.control.entities.past import past_of
from phantom_gateway.control.entities.view import budget_table
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import bad_field, conflict, not_found
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.tables import KEYS
from phantom_gateway.store.tenants import Allowance, BudgetRow

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class BudgetService:
    """Changes budgets in a caller's name."""

    writer: Writer

    async def create(self, fields: BudgetNew) -> tuple[JsonObject, int]:
        """A new budget as it is shown, and its revision."""
        now, by = self.writer.now, self.writer.by
        blank = BudgetRow(id=fields.budget_id or str(uuid.uuid4()), created_at=now, created_by=by, updated_at=now)
        row = replace(blank, updated_by=by, **_columns(zoned(fields, self.writer.zone), None))

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            if tenants.BUDGETS.get(connection, row.id) is not None:
                raise bad_field("budget_id", "another budget has this id")
            check(row)
            self.writer.giver.check_new(connection, row)
            tenants.BUDGETS.insert(connection, row)
            return self._changed(connection, effects, EventCode.BUDGET_CREATED, None, row)

        return await self.writer.commit(change)

    async def update(self, fields: BudgetUpdate) -> tuple[JsonObject, int]:
        """The budget after the change. Whoever refers to it is bounded by it at once."""

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            old = existing(connection, fields.budget_id, "budget_id")
            self.writer.check_match(old.revision)
            stamp: JsonObject = {"updated_at": self.writer.now, "updated_by": self.writer.by}
            row = replace(old, **_columns(zoned(fields, self.writer.zone), old), **stamp, revision=old.revision + 1)
            check(row)
            self.writer.giver.check_changed(connection, old, row)
            tenants.BUDGETS.update(connection, row)
            return self._changed(connection, effects, EventCode.BUDGET_UPDATED, old, row)

        return await self.writer.commit(change)

    async def delete(self, fields: BudgetDelete) -> JsonObject:
        """The budget that was deleted. Raises ApiError 409 while somebody refers to it: his limits would be gone."""

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            old = existing(connection, fields.id, "id")
            self.writer.check_match(old.revision)
            counts = referrers(connection, old.id)
            if counts:
                who = ", ".join(f"{count} {kind}" for kind, count in counts.items())
                raise conflict(f"The budget is in use by {who}; give them other limits before.")
            tenants.BUDGETS.delete(connection, old.id)
            return self._changed(connection, effects, EventCode.BUDGET_DELETED, old, None)[0]

        return await self.writer.commit(change)

    def _changed(
        self,
        connection: sa.Connection,
        effects: Effects,
        code: EventCode,
        before: BudgetRow | None,
        after: BudgetRow | None,
    ) -> tuple[JsonObject, int]:
        """What follows from every change of a budget, in one place."""
        now = self.writer.now
        if before is not None and after is not None:
            effects.forget_all = True  # who refers to it may be a great many
            for name, own in _referring(connection, after.id):
                known = completed(own, before)
                effects.spent += past_of(connection, Entity(name, completed(own, after)), known, now)
        row = after or before
        shown = budget_table(row, now)
        assert row is not None
        assert shown is not None
        old, new = (budget_table(each, now) for each in (before, after))
        effects.audit.append(Change(code, row.id, old, new))
        return shown, row.revision


def existing(connection: sa.Connection, budget_id: str, field: str) -> BudgetRow:
    """A budget. Raises ApiError 404 naming ``field``."""
    row = tenants.BUDGETS.get(connection, budget_id)
    if row is None:
        raise not_found("No such budget.", field)
    return row


def referrers(connection: sa.Connection, budget_id: str) -> dict[str, int]:
    """How many of each kind refer to a budget; kinds without any are missing."""
    found = {}
    for kind, table in {"keys": KEYS, **{kind: rows.table for kind, (rows, _) in _kinds().items()}}.items():
        query = sa.select(sa.func.count()).select_from(table).where(table.c.budget_id == budget_id)
        count = connection.execute(query).scalar_one()
        if count:
            found[kind] = count
    of_customers = KEYS.c.extra["end_user_budget_id"].as_string() == budget_id
    count = connection.execute(sa.select(sa.func.count()).select_from(KEYS).where(of_customers)).scalar_one()
    return found | ({"keys' customers": count} if count else {})


def _referring(connection: sa.Connection, budget_id: str) -> Iterator[tuple[str, Allowance]]:
    """Everybody who refers to a budget, by the name that scopes have for it."""
    for key in keys.of(connection, "budget_id", [budget_id]):
        yield f"key:{key.id}", key
    for kind, (rows, _) in _kinds().items():
        for row in rows.of(connection, "budget_id", [budget_id]):
            yield _name(kind, row), row


def _kinds() -> dict[str, tuple[Any, str]]:
    return {
        "users": (tenants.USERS, "user"),
        "teams": (tenants.TEAMS, "team"),
        "team members": (tenants.TEAM_MEMBERS, "member"),
        "organizations": (tenants.ORGANIZATIONS, "org"),
        "organization members": (tenants.ORGANIZATION_MEMBERS, "org_member"),
        "projects": (tenants.PROJECTS, "project"),
        "customers": (tenants.CUSTOMERS, "customer"),
        "tags": (tenants.TAGS, "tag"),
    }


def _name(kind: str, row: Any) -> str:
    if kind == "team members":
        return f"member:{row.team_id}/{row.user_id}"
    if kind == "organization members":
        return f"org_member:{row.org_id}/{row.user_id}"
    return f"{_kinds()[kind][1]}:{row.id}"


def _columns(fields: BudgetFields, before: BudgetRow | None) -> JsonObject:
    columns = renamed_columns(fields, before, {})
    columns.pop("budget_id", None)  # a budget's own id, not one it refers to
    return columns
