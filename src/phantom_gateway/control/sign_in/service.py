"""Signing in and out, and changing one's password."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects
from phantom_gateway.control.errors import ApiError, bad_field
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.sign_in.client import Client
from phantom_gateway.control.sign_in.events import OPERATOR, writer_for, writer_for_nobody
from phantom_gateway.control.sign_in.identity import Attempt, Identity, Method, PasswordLogin, find_user
from phantom_gateway.control.sign_in.parts import SignInParts
from phantom_gateway.security.audit_events import EventCode, Result
from phantom_gateway.security.passwords import weakness
from phantom_gateway.store import sessions, tenants
from phantom_gateway.store.sessions import SessionRow
from phantom_gateway.store.tenants import UserRow


@dataclass(frozen=True, slots=True)
class Opened:
    """A session that has just begun; ``user`` is ``None`` for the operator."""

    token: Secret
    row: SessionRow
    user: UserRow | None

    @property
    def user_id(self) -> str:
        """As the API shows it."""
        return OPERATOR if self.user is None else self.user.id

    @property
    def role(self) -> str:
        """The role acted in."""
        return "proxy_admin" if self.user is None else self.user.role


@dataclass(frozen=True, slots=True)
class SignIn:
    """Acts for somebody who is about to be known."""

    services: ControlServices

    @property
    def parts(self) -> SignInParts:
        """Passwords, throttle and hashers."""
        return self.services.sign_in

    def methods(self) -> Sequence[Method]:
        """In the order in which they are asked. The slow one is last and always asked when nobody else knew."""
        return (self.services.sessions.operator, PasswordLogin(self.services.database, self.parts.passwords))

    async def sign_in(self, attempt: Attempt, client: Client, label: str, old: str = "") -> Opened:
        """A new session; that of the cookie ``old`` ends. Raises ApiError 401, 429, 503, DatabaseError."""
        now = self.services.clock()
        account = attempt.username.strip().lower()
        if self.parts.throttle.is_new_refusal(account, client.address, now):
            await self._refused(EventCode.LOGIN_THROTTLED, attempt.username)
        self.admit(account, client.address, now)
        identity = await self._identify(attempt)
        if identity is not None:
            opened = await self.open(identity, label, old)
            if opened is not None:
                self.parts.throttle.succeeded(account, client.address)
                return opened
        await self._refused(EventCode.LOGIN_FAILED, attempt.username)
        raise ApiError(
            401, "Invalid credentials: no such user, or another password.", kind="auth_error", param="password"
        )

    def admit(self, account: str, address: str, now: float) -> None:
        """Count an attempt as failed until it succeeds. Raises ApiError 429 when it has to wait."""
        wait = self.parts.throttle.wait_s(account, address, now)
        if wait > 0:
            seconds = math.ceil(wait)
            message = f"Too many attempts; try again in {seconds} seconds."
            raise ApiError(429, message, kind="throttling_error", headers={"retry-after": str(seconds)})
        self.parts.throttle.failed(account, address, now)

    async def open(self, identity: Identity, label: str, old: str = "") -> Opened | None:
        """A session for somebody who has proved who it is; ``None`` when that has changed meanwhile."""
        now = self.services.clock()

        def change(connection: sa.Connection, effects: Effects) -> Opened | None:
            user = None if identity.user_id is None else tenants.USERS.get(connection, identity.user_id)
            if identity.user_id is not None and (user is None or user.blocked or user.password_hash != identity.seen):
                return None
            if user is not None and identity.upgraded is not None:
                user = replace(user, password_hash=identity.upgraded, revision=user.revision + 1)
                tenants.USERS.update(connection, user)
            if old:
                sessions.revoke(connection, [self.parts.sessions.digest(old.encode())], now)
            token, row = self.services.sessions.open(connection, identity, label, now)
            who = {"method": identity.method, "label": label}
            effects.audit.append(Change(EventCode.LOGIN_SUCCEEDED, identity.user_id or OPERATOR, after=who))
            return Opened(token, row, user)

        return await writer_for(self.services, identity.user_id).commit(change)

    async def change_password(self, session: SessionRow, current: str, new: str, client: Client) -> str:
        """Set another password; all other sessions of the user end. Returns the user's id. Raises ApiError."""
        if session.user_id is None:
            raise bad_field("current_password", "the operator's password is UI_PASSWORD or the master key")
        user_id, now = session.user_id, self.services.clock()
        self.admit(user_id.lower(), client.address, now)
        user = await self.services.database.read(lambda connection: tenants.USERS.get(connection, user_id))
        stored = user.password_hash if user is not None else None
        if user is None or not await self.parts.passwords.verify(stored, current):
            raise bad_field("current_password", "is not the present password")
        self.parts.throttle.succeeded(user_id.lower(), client.address)
        check_password(user, new, "new_password")
        await self.set_password(user, new, keep=session.id)
        return user_id

    async def set_password(self, user: UserRow, new: str, keep: str | None = None) -> None:
        """Store a new password in the name of its owner; all sessions but ``keep`` end."""
        now = self.services.clock()
        password_hash = await self.parts.passwords.hash(new)

        def change(connection: sa.Connection, effects: Effects) -> None:
            stamps: dict[str, Any] = {"updated_at": now, "updated_by": user.id, "revision": user.revision + 1}
            tenants.USERS.update(connection, replace(user, password_hash=password_hash, **stamps))
            sessions.revoke_user(connection, user.id, now, keep)
            effects.audit.append(Change(EventCode.USER_PASSWORD_CHANGED, user.id))

        await writer_for(self.services, user.id).commit(change)

    async def _identify(self, attempt: Attempt) -> Identity | None:
        for method in self.methods():
            identity = await method.identify(attempt)
            if identity is not None:
                return identity
        return None

    async def _refused(self, code: EventCode, username: str) -> None:
        """Record it: by the id of the user who was meant, else by what tells attempts on one name from others."""
        typed = username.strip().lower().encode("utf-8", "surrogatepass")
        disguised = "unknown-" + self.parts.sessions.digest(b"account|" + typed)[:12]

        def change(connection: sa.Connection, effects: Effects) -> None:
            user = find_user(connection, username)
            named = disguised if user is None else user.id
            effects.audit.append(Change(code, named, result=Result.FAILURE))

        await writer_for_nobody(self.services).commit(change)


def check_password(user: UserRow, password: str, field: str = "password") -> None:
    """Refuse a password that is easy to guess. Raises ApiError 400."""
    reason = weakness(password, [name for name in (user.id, user.email, user.alias) if name])
    if reason is not None:
        raise bad_field(field, reason)
