"""Budgets of access groups: what all calls to a group's models may cost together, whoever makes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.access_groups.service import by_name
from phantom_gateway.control.answers.base import Answer
from phantom_gateway.control.answers.subjects import GroupBudget
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities.fields import Body, Dollars, Later, Window
from phantom_gateway.control.entities.group_budgets import AMOUNT, DURATION, limit_of
from phantom_gateway.control.entities.limits import window_of
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd, usd_to_nano
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import spend, tenants
from phantom_gateway.store.tables import REQUESTS
from phantom_gateway.store.tenants import AccessGroupRow

JsonObject = dict[str, Any]


class GroupBudgetFields(Body):
    """Body of ``PUT /access_group/{name}/budget``."""

    max_budget: Dollars | None = None
    budget_duration: Window | None = None
    budget_id: Later = None
    soft_budget: Later = None


class GroupBudgetView(Answer):
    """A group's budget and what was spent of it in the present window."""

    access_group: str
    spend: float
    budget: GroupBudget | None


class GroupBudgetDeleted(Answer):
    """Whether there was one."""

    access_group: str
    budget_deleted: bool
    message: str


@dataclass(frozen=True, slots=True)
class GroupBudgetService:
    """Changes budgets of groups in a caller's name."""

    writer: Writer

    async def put(self, name: str, fields: GroupBudgetFields) -> tuple[JsonObject, int]:
        """Give a group a budget, or another one; as it is shown, and the group's revision. Raises ApiError 400 and 404."""
        fields = zoned(fields, self.writer.zone)
        amount = fields.max_budget
        if amount is None:
            raise bad_field("max_budget", "is required")
        own = {AMOUNT: usd_to_nano(amount), DURATION: fields.budget_duration}
        found = await self._change(name, lambda extra: extra | own)
        assert found is not None
        return found

    async def delete(self, name: str) -> JsonObject:
        """Take a group's budget away, if it has one. Raises ApiError 404."""
        found = await self._change(
            name, lambda extra: {key: extra[key] for key in extra if key not in (AMOUNT, DURATION)}
        )
        deleted = found is not None
        message = f"Budget of access group '{name}' deleted" if deleted else f"Access group '{name}' has no budget"
        return {"access_group": name, "budget_deleted": deleted, "message": message}

    async def _change(self, name: str, changed: Callable[[JsonObject], JsonObject]) -> tuple[JsonObject, int] | None:
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int] | None:
            old = by_name(connection, name)
            self.writer.check_match(old.revision)
            stamp: JsonObject = {"updated_at": now, "updated_by": self.writer.by, "revision": old.revision + 1}
            row = replace(old, extra=changed(old.extra), **stamp)
            if row.extra == old.extra and limit_of(row) is None:
                return None
            before = view(connection, old, now)
            tenants.ACCESS_GROUPS.update(connection, row)
            limit, known = limit_of(row), limit_of(old)
            if limit is not None and (known is None or known.scope != limit.scope):
                log = [REQUESTS.c.model_group.in_(row.models)]
                effects.spent.append(spend.seed(connection, log, limit.scope, window_of(limit, now)[0]))
            effects.forget_all = True
            after = view(connection, row, now)
            effects.audit.append(Change(EventCode.ACCESS_GROUP_UPDATED, row.id, before, after))
            return after, row.revision

        return await self.writer.commit(change)


def view(connection: sa.Connection, row: AccessGroupRow, now: float) -> JsonObject:
    """``GroupBudgetView``."""
    return {"access_group": row.name, **views(connection, [row], now)[row.id]}


def views(connection: sa.Connection, rows: Iterable[AccessGroupRow], now: float) -> dict[str, JsonObject]:
    """``spend`` and ``budget`` of groups, by their id."""
    found: dict[str, JsonObject] = {}
    for row in rows:
        limit = limit_of(row)
        if limit is None:
            found[row.id] = {"spend": 0.0, "budget": None}
            continue
        start, end = window_of(limit, now)
        budget = {
            "budget_id": row.id,
            "max_budget": nano_to_usd(limit.amount),
            "soft_budget": None,
            "budget_duration": limit.window or None,
            "budget_reset_at": iso(end) if limit.window else None,
        }
        found[row.id] = {"spend": nano_to_usd(spend.of_window(connection, limit.scope, start)), "budget": budget}
    return found
