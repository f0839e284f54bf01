"""Budgets in the window they are in: how much is used, how much it comes to at this pace, and when they are used up.

One statement for each kind of entity finds the fullest; whose newest window with spend is over has spent nothing in the
present one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.limits.windows import WindowSyntaxError, window_bounds
from phantom_gateway.store.tables import KEYS, SPEND
from phantom_gateway.store.tenancy_tables import CUSTOMERS, ORGANIZATIONS, PROJECTS, TAGS, TEAMS, USERS

JsonObject = dict[str, Any]
TABLES: dict[str, sa.Table] = {
    "key": KEYS,
    "user": USERS,
    "team": TEAMS,
    "organization": ORGANIZATIONS,
    "project": PROJECTS,
    "customer": CUSTOMERS,
    "tag": TAGS,
}
_NAMES = {"organization": "org"}
"""Kinds that limits call otherwise."""
_LEAST_SHARE = 0.05
"""Of a window must be over before its pace says anything."""
_CANDIDATES = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """A budget. Amounts in nano-dollars, times in Unix seconds; ``end`` is infinite where it never resets."""

    kind: str
    id: str
    label: str | None
    limit: int
    spent: int
    start: float
    end: float
    duration: str | None = None

    @property
    def share(self) -> float:
        """How much of it is used; 1 = all."""
        return self.spent / self.limit if self.limit else 1.0

    def view(self, now: float) -> JsonObject:
        """``answers.usage.BudgetUse``."""
        projected, out = self.projected(now), self.out_at(now)
        return {
            "kind": self.kind,
            "id": self.id,
            "label": self.label,
            "limit": nano_to_usd(self.limit),
            "spent": nano_to_usd(self.spent),
            "share": self.share,
            "duration": self.duration,
            "started_at": iso(self.start) if self.start else None,
            "resets_at": None if math.isinf(self.end) else iso(self.end),
            "projected": None if projected is None else nano_to_usd(projected),
            "used_up_at": None if out is None else iso(out),
        }

    def projected(self, now: float) -> int | None:
        """What it comes to at the end of the window at this pace; ``None`` when it is too early to say, or never ends."""
        if math.isinf(self.end) or now - self.start < _LEAST_SHARE * (self.end - self.start):
            return None
        return round(self.spent * (self.end - self.start) / (now - self.start))

    def out_at(self, now: float) -> float | None:
        """When it is used up at this pace, if that is before it resets."""
        if self.spent >= self.limit:
            return now
        projected = self.projected(now)
        if projected is None or projected <= self.limit:
            return None
        return now + (self.limit - self.spent) * (now - self.start) / self.spent


def fullest(
    connection: sa.Connection, kind: str, reach: sa.ColumnElement[bool] | None, now: float, limit: int
) -> list[Used]:
    """The budgets of a kind with the largest shares used, above a tenth; what is blocked is left out."""
    table = TABLES[kind].c
    share = sa.cast(SPEND.c.amount_nano, sa.Double) / table.max_budget_nano
    newer = SPEND.alias("newer")
    later = sa.select(sa.literal(1)).where(newer.c.scope == SPEND.c.scope, newer.c.window_start > SPEND.c.window_start)
    query = (
        sa.select(*_columns(kind), SPEND.c.amount_nano, SPEND.c.window_start)
        .join(SPEND, SPEND.c.scope == _scope(kind))
        .where(
            table.max_budget_nano > 0, table.blocked.is_(sa.false()), SPEND.c.amount_nano * 10 >= table.max_budget_nano,
            ~later.exists(),
        )
        .order_by(share.desc(), table.id)
        .limit(_CANDIDATES)
    )  # fmt: skip
    if reach is not None:
        query = query.where(reach)
    return list(_present(connection.execute(query), kind, now))[:limit]


def one(
    connection: sa.Connection, kind: str, name: str, reach: sa.ColumnElement[bool] | None, now: float
) -> Used | None:
    """The budget of one entity, whatever is used of it; ``None`` without one."""
    table = TABLES[kind].c
    query = sa.select(*_columns(kind)).where(table.id == name, table.max_budget_nano.is_not(None))
    row = connection.execute(query if reach is None else query.where(reach)).first()
    if row is None:
        return None
    bounds = _bounds(row[3], now, row[4])
    scope = f"budget:{_NAMES.get(kind, kind)}:{name}:{row[3] or ''}"
    mine = sa.select(SPEND.c.amount_nano).where(SPEND.c.scope == scope, SPEND.c.window_start == bounds[0])
    spent = connection.execute(mine).scalar_one_or_none() or 0
    return _used(kind, row, spent, bounds, now)


def _columns(kind: str) -> Sequence[sa.ColumnElement[Any]]:
    table = TABLES[kind].c
    label = table.email if kind == "user" else table.id if kind == "tag" else table.alias
    kept = (table.budget_duration, table.budget_anchor, table.temp_increase_nano, table.temp_expiry)
    return table.id, label.label("label"), table.max_budget_nano, *kept


def _scope(kind: str) -> sa.ColumnElement[str]:
    table = TABLES[kind].c
    start = sa.literal(f"budget:{_NAMES.get(kind, kind)}:", sa.Text)
    return start + sa.cast(table.id, sa.Text) + sa.literal(":", sa.Text) + sa.func.coalesce(table.budget_duration, "")


def _present(rows: Any, kind: str, now: float) -> Iterator[Used]:
    for row in rows:
        bounds = _bounds(row[3], now, row[4])
        if bounds[0] == row[8]:
            yield _used(kind, row, row[7], bounds, now)


def _used(kind: str, row: Any, spent: int, bounds: tuple[float, float], now: float) -> Used:
    key, label, limit, duration, _, increase, expiry = row[:7]
    more = increase if increase and expiry and expiry > now else 0
    start, end = bounds
    return Used(
        kind=kind, id=key, label=label, limit=limit + more, spent=spent, start=start, end=end, duration=duration
    )


def _bounds(duration: str | None, now: float, anchor: float) -> tuple[float, float]:
    try:
        return window_bounds(duration or "", now, anchor)
    except WindowSyntaxError:
        return window_bounds("", now, anchor)
