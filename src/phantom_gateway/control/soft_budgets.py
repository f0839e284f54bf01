"""Soft budgets: whoever spends more than that is reported, and goes on being served.

Every few seconds those who have been active are compared with their soft budget, in the window of their main budget (or, without a
window, over their whole life). Each excess is reported once: in the log, and in ``alerts`` for whoever passes it on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.entities.limits import Entity, completed, spend_window
from phantom_gateway.control.entities.members import member_entity, with_defaults
from phantom_gateway.ledger.money import format_usd
from phantom_gateway.store import keys, spend, tenants
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.store.rows import Rows
from phantom_gateway.store.tables import KEYS, TOTALS
from phantom_gateway.store.tenancy_tables import BUDGETS, ORGANIZATION_MEMBERS, TEAM_MEMBERS
from phantom_gateway.store.tenants import Allowance
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

SECONDS = 5.0
BACK_SECONDS = 300.0
"""How far a look goes back: rows reach the database after their request has ended."""
MAX_ALERTS = 1_000
MAX_REPORTED = 100_000

_ROWS: tuple[tuple[str, Rows[Any]], ...] = (
    ("user", tenants.USERS),
    ("team", tenants.TEAMS),
    ("org", tenants.ORGANIZATIONS),
    ("project", tenants.PROJECTS),
    ("customer", tenants.CUSTOMERS),
    ("tag", tenants.TAGS),
)


@dataclass(frozen=True, slots=True)
class Alert:
    """Somebody has spent more than the soft budget. Amounts in nano-dollars, times in Unix seconds."""

    entity: str
    soft_budget: int
    spent: int
    window_start: float
    """0 when the budget never resets."""
    at: float


class SoftBudgets:
    """Lives on the event loop."""

    def __init__(self, database: AsyncDatabase, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._tasks = TaskGroup()
        self._reported: set[tuple[str, float, int]] = set()
        self._failing = False
        self.alerts: deque[Alert] = deque(maxlen=MAX_ALERTS)
        """The newest last."""

    def start(self) -> None:
        """Watch from now on."""
        self._tasks.spawn(self._follow(), "soft budgets")

    async def stop(self) -> None:
        """Stop watching."""
        await self._tasks.cancel()

    async def look(self) -> None:
        """Compare once and report what is new. Raises nothing: the next look makes good for one that failed."""
        now = self._clock()
        try:
            found = await self._database.read(lambda connection: list(_excesses(connection, now)))
        except DatabaseError as error:
            if not self._failing:
                log.warning("soft budgets cannot be looked at (%s)", type(error).__name__)
            self._failing = True
            return
        self._failing = False
        if len(self._reported) > MAX_REPORTED:
            self._reported.clear()
        for alert in found:
            mark = (alert.entity, alert.window_start, alert.soft_budget)
            if mark not in self._reported:
                self._reported.add(mark)
                self.alerts.append(alert)
                log.warning(
                    "soft budget of %s exceeded: %s spent, %s set",
                    alert.entity,
                    format_usd(alert.spent),
                    format_usd(alert.soft_budget),
                )

    async def _follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(SECONDS)


def _excesses(connection: sa.Connection, now: float) -> Iterator[Alert]:
    entities = [entity for entity in _active(connection, now) if entity.allowance.soft_budget_nano is not None]
    windows = {entity.name: spend_window(entity, now) for entity in entities}
    in_window = spend.of_windows(connection, [window for window in windows.values() if window is not None])
    totals = spend.totals(connection, [entity.name for entity in entities])
    for entity in entities:
        soft, window = entity.allowance.soft_budget_nano, windows[entity.name]
        spent = totals.get(entity.name, spend.Total()).amount_nano if window is None else in_window.get(window, 0)
        if soft is not None and spent > soft:
            yield Alert(entity.name, soft, spent, 0.0 if window is None else window[1], now)


def _active(connection: sa.Connection, now: float) -> Iterator[Entity]:
    """Everybody who was active lately and may have a soft budget, of their own or from a shared one."""
    rows: dict[str, Allowance] = {}
    for row in keys.get_many(connection, _names(connection, "key", KEYS.c.id, now)):
        rows[f"key:{row.id}"] = row
    for kind, source in _ROWS:
        for each in source.of(connection, "id", _names(connection, kind, source.table.c.id, now)):
            rows[f"{kind}:{each.id}"] = each
    shared = tenants.BUDGETS.of(connection, "id", [row.budget_id for row in rows.values() if row.budget_id])
    budgets = {budget.id: budget for budget in shared}
    for name, found in rows.items():
        yield Entity(name, completed(found, budgets.get(found.budget_id or "")))
    yield from _members(connection, now)


def _members(connection: sa.Connection, now: float) -> Iterator[Entity]:
    """Members of teams and organisations; the window of a team member's budget may be the team's default."""
    of_team = _pairs(connection, "member", (TEAM_MEMBERS.c.team_id, TEAM_MEMBERS.c.user_id), now)
    teams = {row.id: row for row in tenants.TEAMS.of(connection, "id", [team for team, _ in of_team])}
    for member in tenants.TEAM_MEMBERS.by_keys(connection, of_team):
        yield member_entity(with_defaults(member, teams[member.team_id]) if member.team_id in teams else member)
    columns = ORGANIZATION_MEMBERS.c
    of_org = _pairs(connection, "org_member", (columns.org_id, columns.user_id), now)
    for row in tenants.ORGANIZATION_MEMBERS.by_keys(connection, of_org):
        yield Entity(f"org_member:{row.org_id}/{row.user_id}", row)


def _names(connection: sa.Connection, kind: str, column: sa.Column[str], now: float) -> list[str]:
    table = column.table
    same = TOTALS.c.entity == sa.literal(f"{kind}:") + column
    query = sa.select(column).join(TOTALS, same).outerjoin(BUDGETS, BUDGETS.c.id == table.c.budget_id)
    query = query.where(*_over(sa.func.coalesce(table.c.soft_budget_nano, BUDGETS.c.soft_budget_nano), now))
    return list(connection.execute(query).scalars())


def _pairs(
    connection: sa.Connection, kind: str, columns: tuple[sa.Column[str], sa.Column[str]], now: float
) -> list[tuple[str, str]]:
    whole, user = columns
    same = TOTALS.c.entity == sa.literal(f"{kind}:") + whole + sa.literal("/") + user
    query = sa.select(whole, user).join(TOTALS, same)
    query = query.where(*_over(whole.table.c.soft_budget_nano, now))
    return [(name, user_id) for name, user_id in connection.execute(query)]


def _over(soft: sa.ColumnElement[int | None], now: float) -> tuple[sa.ColumnElement[bool], ...]:
    """Active lately, and has spent more than that in a whole life: in a window nobody spends more."""
    return TOTALS.c.amount_nano > soft, TOTALS.c.last_active >= now - BACK_SECONDS
