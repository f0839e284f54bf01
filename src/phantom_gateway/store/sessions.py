"""Queries on sessions. Every function takes a connection inside a transaction of its caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store.tenancy_tables import SESSIONS


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRow:
    """One row of ``sessions``. Times are Unix seconds."""

    id: str
    """Keyed digest of what the cookie holds."""
    user_id: str | None
    """``None``: the operator, signed in by ``UI_USERNAME``."""
    method: str
    bound: str | None = None
    """Digest of the credential of the operator's own login: the session ends when that is another."""
    label: str = ""
    """What the browser says it is."""
    created_at: float
    seen_at: float
    revoked_at: float | None = None


@dataclass(frozen=True, slots=True)
class Alive:
    """Which sessions have not timed out at ``now``."""

    now: float
    idle_s: float
    absolute_s: float

    def covers(self, row: SessionRow) -> bool:
        """Whether a session is good."""
        return (
            row.revoked_at is None
            and self.now < row.created_at + self.absolute_s
            and self.now < row.seen_at + self.idle_s
        )

    def where(self) -> list[sa.ColumnElement[bool]]:
        """The same as conditions."""
        return [
            SESSIONS.c.revoked_at.is_(None),
            SESSIONS.c.created_at > self.now - self.absolute_s,
            SESSIONS.c.seen_at > self.now - self.idle_s,
        ]


_COLUMNS = tuple(SESSIONS.c[each.name] for each in fields(SessionRow))


def get(connection: sa.Connection, session_id: str) -> SessionRow | None:
    """The session with this id, good or not."""
    found = connection.execute(sa.select(*_COLUMNS).where(SESSIONS.c.id == session_id)).mappings().first()
    return None if found is None else SessionRow(**found)


def insert(connection: sa.Connection, row: SessionRow) -> None:
    """Store a new session."""
    values: dict[str, Any] = {each.name: getattr(row, each.name) for each in fields(SessionRow)}
    connection.execute(sa.insert(SESSIONS).values(values))


def touch(connection: sa.Connection, session_id: str, now: float) -> None:
    """Note that a session was used."""
    mine = (SESSIONS.c.id == session_id, SESSIONS.c.seen_at < now)
    connection.execute(sa.update(SESSIONS).where(*mine).values(seen_at=now))


def of_user(connection: sa.Connection, user_id: str | None, alive: Alive) -> list[SessionRow]:
    """The good sessions of a user, the last used one first; ``None`` means the operator's own."""
    query = sa.select(*_COLUMNS).where(_belongs(user_id), *alive.where())
    found = connection.execute(query.order_by(SESSIONS.c.seen_at.desc(), SESSIONS.c.id)).mappings()
    return [SessionRow(**row) for row in found]


def revoke(connection: sa.Connection, ids: Sequence[str], now: float) -> int:
    """End sessions; how many of them had not ended before."""
    good = (SESSIONS.c.id.in_(ids), SESSIONS.c.revoked_at.is_(None))
    return connection.execute(sa.update(SESSIONS).where(*good).values(revoked_at=now)).rowcount


def revoke_user(connection: sa.Connection, user_id: str | None, now: float, keep: str | None = None) -> int:
    """End all sessions of a user but ``keep``; how many had not ended before."""
    conditions = [_belongs(user_id), SESSIONS.c.revoked_at.is_(None)]
    if keep is not None:
        conditions.append(SESSIONS.c.id != keep)
    return connection.execute(sa.update(SESSIONS).where(*conditions).values(revoked_at=now)).rowcount


def clean(connection: sa.Connection, before: float) -> None:
    """Delete sessions that began before this time."""
    connection.execute(sa.delete(SESSIONS).where(SESSIONS.c.created_at < before))


def _belongs(user_id: str | None) -> sa.ColumnElement[bool]:
    return SESSIONS.c.user_id.is_(None) if user_id is None else SESSIONS.c.user_id == user_id
