"""Rows that correct the ledger, and why they were made."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store import rollup_fill
from phantom_gateway.store.dimensions import CORRECTION
from phantom_gateway.store.owners import Owners
from phantom_gateway.store.rollup_tables import HOUR_US, HOURS_KEPT, METRICS, OWNERS
from phantom_gateway.store.spend import insert_or
from phantom_gateway.store.tables import CORRECTIONS, REQUESTS, SPEND, TOTALS

INCARNATION = "corrections"
"""Of their rows in the request log: they come from no worker's journal."""
OWNER = (
    *OWNERS, "key_alias", "end_user", "tags", "model", "model_group", "deployment_id", "provider", "upstream_model",
)  # fmt: skip
"""Columns that say whom and what an amount is booked to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """One row of ``corrections``."""

    id: str
    at: float
    """Unix seconds."""
    kind: str
    """``correction`` (an amount of a key) or ``reset`` (of a budget's window)."""
    entity: str
    """Whom it is booked to: ``key:<id>``, or the scope of a budget."""
    amount_nano: int
    reason: str
    request_id: str | None
    """The request that is corrected."""
    made_by: str


def book(connection: sa.Connection, made: Correction, owner: dict[str, Any]) -> None:
    """Add the amount to the log, to the totals of all it belongs to and to the sums of its day. ``owner``: values of ``OWNER``."""
    note(connection, [made])
    started_at = int(made.at * 1_000_000)
    row: dict[str, Any] = dict.fromkeys(("stream", "client_left", "cache_hit"), False)
    row |= dict.fromkeys(("error_type", "usage_flags"), "")
    row |= {"incarnation": INCARNATION, "number": secrets.randbits(62), "request_id": made.id, "started_at": started_at}
    row |= {"duration_us": 0, "call_type": CORRECTION, "status": "success", "http_status": 200, "usage_source": "none"}
    row |= {
        "cost_nano": made.amount_nano,
        "cost_parts": "[]",
        "price_version": CORRECTION,
        "attempts": 0,
        "fallbacks": 0,
    }
    connection.execute(sa.insert(REQUESTS).values(row | {name: owner[name] for name in OWNER}))
    _count(connection, made, owner, started_at)
    statement = insert_or(connection, TOTALS)
    statement = statement.on_conflict_do_update(
        index_elements=["entity"], set_={"amount_nano": TOTALS.c.amount_nano + statement.excluded.amount_nano}
    )
    rest = {"amount_nano": made.amount_nano, "requests": 0, "last_active": 0.0}
    connection.execute(statement, [{"entity": entity, **rest} for entity in entities(owner)])


def entities(owner: dict[str, Any]) -> list[str]:
    """All whose totals an amount is booked to. ``owner``: values of ``OWNER``."""
    tags = tuple(json.loads(owner["tags"]))
    return Owners._make([*(owner[name] for name in Owners._fields if name != "tags"), tags]).entities()


def note(connection: sa.Connection, made: Sequence[Correction]) -> None:
    """Keep why something was corrected."""
    if made:
        connection.execute(sa.insert(CORRECTIONS), [asdict(each) for each in made])


def listed(connection: sa.Connection, limit: int) -> list[Correction]:
    """The newest corrections."""
    query = sa.select(CORRECTIONS).order_by(CORRECTIONS.c.at.desc(), CORRECTIONS.c.id).limit(limit)
    return [Correction(**row) for row in connection.execute(query).mappings()]


def newest_windows(connection: sa.Connection) -> list[tuple[str, float, int]]:
    """Of every budget the newest window with spend: (scope, start, nano-dollars)."""
    newest = (
        sa.select(SPEND.c.scope, sa.func.max(SPEND.c.window_start).label("start")).group_by(SPEND.c.scope).subquery()
    )
    query = (
        sa.select(SPEND.c.scope, SPEND.c.window_start, SPEND.c.amount_nano)
        .join(newest, sa.and_(SPEND.c.scope == newest.c.scope, SPEND.c.window_start == newest.c.start))
        .where(SPEND.c.scope.startswith("budget:"))
        .order_by(SPEND.c.scope)
    )
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def _count(connection: sa.Connection, made: Correction, owner: dict[str, Any], started_at: int) -> None:
    owners = [owner[name] or "" for name in OWNERS]
    model, group = owner["upstream_model"] or owner["model"], owner["model_group"] or owner["model"]
    key = ("full", *owners, model, group, owner["provider"], CORRECTION)
    sums = [made.amount_nano if name == "cost_nano" else 0 for name in METRICS]
    hour = started_at // HOUR_US
    group_key = (hour, key, owner["end_user"] or "", tuple(json.loads(owner["tags"])))
    rollup_fill.store(connection, [(group_key, sums)], hour - HOURS_KEPT)
