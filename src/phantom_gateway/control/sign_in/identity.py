"""Ways to prove who one is. Each is a method that turns an attempt into an identity, and only an identity opens a session.

Single sign-on becomes a further method here; a second factor wraps one, and gives the identity when both are there.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

import sqlalchemy as sa

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.people_settings import PeopleSettings
from phantom_gateway.control.sign_in.threads import PasswordThreads
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import tenants
from phantom_gateway.store.tenancy_tables import USERS
from phantom_gateway.store.tenants import UserRow


@dataclass(frozen=True, slots=True)
class Attempt:
    """What somebody typed."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who it is, and how that was proved."""

    user_id: str | None
    """``None``: the operator."""
    method: str
    bound: str | None = None
    """See ``store.sessions.SessionRow.bound``."""
    seen: str | None = field(default=None, repr=False)
    """The stored hash that the password was right for: a session is opened only while it is still that one."""
    upgraded: str | None = field(default=None, repr=False)
    """The same password hashed with today's parameters, when the stored hash has others."""


class Method(Protocol):
    """A way to prove who one is."""

    async def identify(self, attempt: Attempt) -> Identity | None:
        """Who it is; ``None`` when this method does not say. Raises ApiError 503, DatabaseError."""
        ...


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator's own login, as LiteLLM has it: ``UI_USERNAME`` (``admin``) with ``UI_PASSWORD``, or with the master key."""

    settings: Callable[[], PeopleSettings]
    master: Callable[[], KeyRecord]
    keys: KeyHasher
    sessions: KeyHasher

    @property
    def bound(self) -> str:
        """Digest of name and credential in force: a session of the operator ends when either changes."""
        return self.sessions.digest(f"operator|{self.settings().operator_name}|{self._credential()}".encode())

    async def identify(self, attempt: Attempt) -> Identity | None:
        """The operator, if it is."""
        given = self.keys.digest(attempt.password.encode("utf-8", "surrogatepass"))
        named = hmac.compare_digest(
            attempt.username.encode("utf-8", "surrogatepass"), self.settings().operator_name.encode()
        )
        if hmac.compare_digest(given, self._credential()) and named:
            return Identity(user_id=None, method="operator", bound=self.bound)
        return None

    def _credential(self) -> str:
        password = self.settings().operator_password
        return self.master().id if password is None else self.keys.digest(password.reveal().encode())


@dataclass(frozen=True, slots=True)
class PasswordLogin:
    """An internal user by address or id, and password. Unknown and wrong take the same time."""

    database: AsyncDatabase
    passwords: PasswordThreads

    async def identify(self, attempt: Attempt) -> Identity | None:
        """The user, if the password is right and the user is not blocked."""
        user = await self.database.read(lambda connection: find_user(connection, attempt.username))
        stored = user.password_hash if user is not None else None
        right = await self.passwords.verify(stored, attempt.password)
        if not right or user is None or stored is None or user.blocked:
            return None
        upgraded = await self.passwords.upgraded(stored, attempt.password)
        return Identity(user_id=user.id, method="password", seen=stored, upgraded=upgraded)


def find_user(connection: sa.Connection, username: str) -> UserRow | None:
    """The user with this address (upper or lower case) or, when nobody has it, with this id."""
    wanted = username.strip().lower()
    rows = tenants.USERS.all(connection, sa.or_(USERS.c.email == wanted, USERS.c.id == username.strip()))
    return next((row for row in rows if row.email == wanted), rows[0] if rows else None)
