"""The nodes that share a PostgreSQL: who lives, by the clock of the database, and the name of what they share."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import sqlalchemy as sa

from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import FACTS, NODES

BEAT_SECONDS = 2.0
DEAD_SECONDS = 10.0
"""A node that has not been seen for so long does not live."""
FORGOTTEN_SECONDS = 86_400.0

_INSTALLATION = "installation_id"
_NOW = sa.func.extract("epoch", sa.func.clock_timestamp())


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRow:
    """A node as the others see it. Times in Unix seconds of the database's clock."""

    id: str
    name: str
    boot: str
    """Another in each life of the node."""
    release: str
    limiter: str
    """Fingerprint of the Redis through which it shares limits; empty: it shares none."""
    started_at: float = 0.0
    seen_at: float = 0.0


def installation(database: Database) -> str:
    """What all nodes of one database call what they share; made by the first."""
    with database.read() as connection:
        known = connection.execute(sa.select(FACTS.c.value).where(FACTS.c.name == _INSTALLATION)).scalar_one_or_none()
    if known is not None:
        return str(known)
    with database.write() as connection:
        query = sa.select(FACTS.c.value).where(FACTS.c.name == _INSTALLATION)
        known = connection.execute(query).scalar_one_or_none()
        if known is None:
            known = secrets.token_hex(8)
            connection.execute(sa.insert(FACTS).values(name=_INSTALLATION, value=known))
    return str(known)


def enter(database: Database, me: NodeRow) -> list[NodeRow]:
    """Register ``me``, unless a living node does not share its limits with it: those are returned, and nothing is changed."""
    with database.write() as connection:
        against = [
            row for row in _living(connection) if row.id != me.id and not (row.limiter and row.limiter == me.limiter)
        ]
        if against:
            return against
        connection.execute(
            sa.delete(NODES).where(sa.or_(NODES.c.id == me.id, NODES.c.seen_at < _NOW - FORGOTTEN_SECONDS))
        )
        values = {name: getattr(me, name) for name in ("id", "name", "boot", "release", "limiter")}
        connection.execute(sa.insert(NODES).values(**values, started_at=_NOW, seen_at=_NOW))
    return []


def beat(database: Database, me: NodeRow) -> list[NodeRow]:
    """Say that ``me`` lives (and come back where it was forgotten meanwhile); all that live.

    Without the lock of changes: a node that has to wait for somebody's migration is not dead.
    """
    with database.engine.begin() as connection:
        mine = sa.update(NODES).where(NODES.c.id == me.id).values(seen_at=_NOW, boot=me.boot)
        if not connection.execute(mine).rowcount:
            values = {name: getattr(me, name) for name in ("id", "name", "boot", "release", "limiter")}
            connection.execute(sa.insert(NODES).values(**values, started_at=_NOW, seen_at=_NOW))
        return _living(connection)


def leave(database: Database, node: str) -> None:
    """The node ends in good order: it holds nothing, and nobody need wait for it."""
    with database.engine.begin() as connection:
        connection.execute(sa.delete(NODES).where(NODES.c.id == node))


def _living(connection: sa.Connection) -> list[NodeRow]:
    rows = connection.execute(sa.select(NODES).where(NODES.c.seen_at >= _NOW - DEAD_SECONDS).order_by(NODES.c.id))
    return [NodeRow(**row) for row in rows.mappings()]
