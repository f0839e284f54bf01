"""What somebody should look at: budgets that are nearly used, keys that nobody uses, secrets that are old."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.timestamps import iso
from phantom_gateway.store.tables import KEYS, TOTALS
from phantom_gateway.store.tenancy_tables import CREDENTIALS

JsonObject = dict[str, Any]
DAY_S = 86_400.0
UNUSED_DAYS = 7
OLD_DAYS = 180
NEAR = 0.8
SHOWN = 5
MOST = 100
"""More are "at least"."""


def unused(connection: sa.Connection, reach: sa.ColumnElement[bool] | None, now: float) -> JsonObject:
    """Keys that have been there for a week and were never used, the oldest first."""
    never = ~sa.select(sa.literal(1)).where(TOTALS.c.entity == sa.literal("key:") + KEYS.c.id).exists()
    return _keys(connection, [never, KEYS.c.created_at < now - UNUSED_DAYS * DAY_S], reach, now)


def unrotated(connection: sa.Connection, reach: sa.ColumnElement[bool] | None, now: float) -> JsonObject:
    """Keys whose value is older than half a year."""
    old = now - OLD_DAYS * DAY_S
    # said of created_at as well, which an index knows
    long_ago = [KEYS.c.created_at < old, sa.func.coalesce(KEYS.c.rotated_at, KEYS.c.created_at) < old]
    return _keys(connection, long_ago, reach, now)


def old_credentials(connection: sa.Connection, now: float) -> list[JsonObject]:
    """Providers' credentials in the database that nobody has changed for half a year."""
    table = CREDENTIALS.c
    query = sa.select(table.id, table.updated_at).where(table.updated_at < now - OLD_DAYS * DAY_S)
    rows = connection.execute(query.order_by(table.updated_at).limit(SHOWN))
    return [{"id": row[0], "changed_at": iso(row[1])} for row in rows]


def _keys(
    connection: sa.Connection,
    conditions: list[sa.ColumnElement[bool]],
    reach: sa.ColumnElement[bool] | None,
    now: float,
) -> JsonObject:
    good = [KEYS.c.blocked.is_(sa.false()), sa.or_(KEYS.c.expires.is_(None), KEYS.c.expires > now), *conditions]
    if reach is not None:
        good.append(reach)
    query = sa.select(KEYS.c.id, KEYS.c.alias, KEYS.c.key_name, KEYS.c.created_at).where(*good)
    rows = connection.execute(query.order_by(KEYS.c.created_at, KEYS.c.id).limit(MOST + 1)).all()
    return {
        "count": min(len(rows), MOST),
        "more": len(rows) > MOST,
        "keys": [{"token": row[0], "name": row[1] or row[2], "created_at": iso(row[3])} for row in rows[:SHOWN]],
    }
