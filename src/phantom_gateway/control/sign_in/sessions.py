"""Sessions: who is signed in, by what a cookie holds.

A session is a row that the database finds by the digest of the cookie; it says nothing by itself, carries no key, and is
looked at anew for every request: ended, timed out, its user blocked or deleted, it is dead at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass

import sqlalchemy as sa

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.people_settings import PeopleSettings
from phantom_gateway.control.policy.actor import Actor, load_actor
from phantom_gateway.control.sign_in.identity import Identity, Operator
from phantom_gateway.security import tokens
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import sessions, tenants
from phantom_gateway.store.sessions import Alive, SessionRow

MAX_PER_USER = 20
_TOUCH_S = 60.0
_KEPT_S = 90 * 86400.0
"""How long ended sessions stay in the table."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Opens, finds and judges sessions."""

    database: AsyncDatabase
    hasher: KeyHasher
    settings: Callable[[], PeopleSettings]
    operator: Operator

    def alive(self, now: float) -> Alive:
        """Which sessions are good now."""
        settings = self.settings()
        return Alive(now, settings.idle_s, settings.absolute_s)

    async def find(self, token: str, now: float) -> tuple[KeyRecord, Actor] | None:
        """Who has this cookie, or ``None``. Raises DatabaseError."""
        session_id = self.hasher.digest(token.encode("utf-8", "surrogatepass"))
        alive = self.alive(now)
        found = await self.database.read(lambda connection: self._load(connection, session_id, alive))
        if found is None:
            return None
        record, actor, seen_at = found
        if now - seen_at > min(_TOUCH_S, alive.idle_s / 10):
            await self.database.write(lambda connection: sessions.touch(connection, session_id, now))
        return record, actor

    def holds(self, connection: sa.Connection, session_id: str, now: float) -> bool:
        """Whether somebody is signed in by this session: neither ended nor timed out, and its user is as good as before."""
        return self._load(connection, session_id, self.alive(now)) is not None

    def open(self, connection: sa.Connection, identity: Identity, label: str, now: float) -> tuple[Secret, SessionRow]:
        """A new session and what its cookie holds; the user's oldest ones beyond MAX_PER_USER end."""
        token = tokens.generate(tokens.SESSION)
        row = SessionRow(
            id=self.hasher.digest(token.reveal().encode()),
            user_id=identity.user_id,
            method=identity.method,
            bound=identity.bound,
            label=label,
            created_at=now,
            seen_at=now,
        )
        sessions.clean(connection, now - self.settings().absolute_s - _KEPT_S)
        sessions.insert(connection, row)
        others = [each.id for each in sessions.of_user(connection, row.user_id, self.alive(now)) if each.id != row.id]
        if len(others) >= MAX_PER_USER:
            sessions.revoke(connection, others[MAX_PER_USER - 1 :], now)
        return token, row

    def _load(self, connection: sa.Connection, session_id: str, alive: Alive) -> tuple[KeyRecord, Actor, float] | None:
        row = sessions.get(connection, session_id)
        if row is None or not hmac.compare_digest(row.id, session_id) or not alive.covers(row):
            return None
        record = KeyRecord(id=row.id, digest=row.id, kind="session", user_id=row.user_id)
        if row.user_id is None:
            if row.bound is None or not hmac.compare_digest(row.bound, self.operator.bound):
                return None
        else:
            user = tenants.USERS.get(connection, row.user_id)
            if user is None or user.blocked:
                return None
        return record, load_actor(connection, record), row.seen_at
