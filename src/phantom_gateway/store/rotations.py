"""Keys whose value is replaced by a schedule: which are due, and the new values that nobody has fetched yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from phantom_gateway.store import keys
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.tables import KEY_ROTATIONS, KEYS


@dataclass(frozen=True, slots=True)
class Waiting:
    """One row of ``key_rotations``. Times are Unix seconds."""

    key_id: str
    sealed: str
    made_at: float
    good_until: float
    """When the value before ends."""


def due(connection: sa.Connection, now: float, limit: int) -> list[KeyRow]:
    """At most ``limit`` keys in force whose value is older than they want it to be."""
    columns = KEYS.c
    since = sa.func.coalesce(columns.rotated_at, columns.created_at)
    query = sa.select(columns.id).where(columns.rotation_s.is_not(None), since + columns.rotation_s <= now)
    query = query.where(columns.blocked.is_(False), sa.or_(columns.expires.is_(None), columns.expires > now))
    found = connection.execute(query.order_by(columns.id).limit(limit)).scalars()
    return keys.get_many(connection, list(found))


def put(connection: sa.Connection, waiting: Waiting) -> None:
    """Keep a new value, after ``keys.replace_value``."""
    connection.execute(sa.insert(KEY_ROTATIONS).values(asdict(waiting)))


def get(connection: sa.Connection, key_id: str) -> Waiting | None:
    """What waits for the owner of a key."""
    row = connection.execute(sa.select(KEY_ROTATIONS).where(KEY_ROTATIONS.c.key_id == key_id)).first()
    return None if row is None else Waiting(**row._asdict())


def remove(connection: sa.Connection, key_id: str) -> None:
    """It was fetched."""
    connection.execute(sa.delete(KEY_ROTATIONS).where(KEY_ROTATIONS.c.key_id == key_id))


def waiting(connection: sa.Connection, key_ids: Sequence[str]) -> set[str]:
    """Those of these keys that have a value nobody has fetched."""
    if not key_ids:
        return set()
    query = sa.select(KEY_ROTATIONS.c.key_id).where(KEY_ROTATIONS.c.key_id.in_(key_ids))
    return set(connection.execute(query).scalars())
