"""Who is calling: the one way from a request's headers to a caller.

A request passes ``credential`` (which header), the key's checksum, its digest, and the look-up by digest; it ends as a
``Caller`` or as an ApiError. There is no empty caller, and every failure to find a key answers alike.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, final

from starlette.datastructures import Headers

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.policy.actor import ADMIN, Actor
from phantom_gateway.security import key_format
from phantom_gateway.security.digest import KeyHasher
from phantom_gateway.spine.messages import KeyRecord

HEADERS = ("x-litellm-api-key", "authorization", "api-key", "x-api-key")
"""In LiteLLM's order of precedence."""
_MAX_KEY = 1024


@final
@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated caller. Made by ``Authenticator.authenticate`` only; there is no default."""

    key: KeyRecord
    actor: Actor

    @property
    def is_admin(self) -> bool:
        """Whether everything is open to the caller: the master key, or a key of a proxy_admin."""
        return self.actor.role == ADMIN

    @property
    def name(self) -> str:
        """As it appears in ``created_by`` and ``updated_by``."""
        if self.key.user_id is None and self.key.kind != "virtual":
            return "default_user_id"
        return self.key.user_id or self.key.id

    @property
    def is_signed_in(self) -> bool:
        """Whether this is a person with a session, not a key."""
        return self.key.kind == "session"


class KeyDirectory(Protocol):
    """Where key records come from."""

    async def find(self, digest: str) -> KeyRecord | None:
        """The record with this digest, or ``None``. Raises DatabaseError when the database cannot say."""
        ...

    async def actor(self, record: KeyRecord) -> Actor:
        """The actor behind a record. Raises DatabaseError."""
        ...


class SessionDirectory(Protocol):
    """Where sessions come from."""

    async def find(self, token: str, now: float) -> tuple[KeyRecord, Actor] | None:
        """Who has a cookie that holds ``token``, or ``None``. Raises DatabaseError."""
        ...


class Authenticator:
    """Holds what is needed to recognise a key or a session."""

    def __init__(
        self,
        hasher: KeyHasher,
        master: Callable[[], KeyRecord],
        directory: KeyDirectory,
        key_header: Callable[[], str] = str,
        sessions: SessionDirectory | None = None,
    ) -> None:
        """``key_header`` names the one more header of ``litellm_key_header_name``, or gives an empty string.

        Without ``sessions`` no cookie is good.
        """
        self._sessions = sessions
        self._hasher = hasher
        self._key_header = key_header
        self._master = master
        self._directory = directory

    async def authenticate(self, headers: Headers, now: float, session: str = "") -> Caller:
        """The caller of a request with these headers at Unix time ``now``. Raises ApiError 401 or 403.

        ``session`` is what a session cookie holds; it counts only where no header carries a key.
        """
        text = credential(headers, self._key_header())
        if not text and session and self._sessions is not None:
            found = await self._sessions.find(session, now)
            if found is None:
                message = "Authentication Error, the session has ended. Sign in again."
                raise ApiError(401, message, kind="session_ended", param="None")
            return Caller(*found)
        if not text:
            raise ApiError(401, "Authentication Error, No api key passed in.", kind="auth_error", param="None")
        if not text.isascii() or len(text) > _MAX_KEY or key_format.checksum_ok(text) is False:
            raise _unknown()
        digest = self._hasher.digest(text.encode())
        master = self._master()
        if hmac.compare_digest(digest, master.id):
            return Caller(master, await self._directory.actor(master))
        record = await self._directory.find(digest)
        if record is None or not hmac.compare_digest(record.digest, digest):
            raise _unknown()
        if record.blocked:
            whose = f"{record.blocked_by} of this key".capitalize() if record.blocked_by else "Key"
            raise ApiError(401, f"Authentication Error, {whose} is blocked.", kind="auth_error", param="None")
        if record.expires is not None and record.expires <= now:
            raise ApiError(
                401, "Authentication Error - Expired Key.", kind="expired_key", param=key_format.display(text)
            )
        return Caller(record, await self._directory.actor(record))


def credential(headers: Headers, first: str = "") -> str:
    """The key a request carries, without a ``Bearer`` in front; empty when it carries none. ``first`` is looked at first."""
    for name in (first, *HEADERS) if first else HEADERS:
        value = headers.get(name, "").strip()
        scheme, _, rest = value.partition(" ")
        if scheme.lower() == "bearer":
            value = rest.strip()
        if value:
            return value
    return ""


def _unknown() -> ApiError:
    return ApiError(
        401, "Authentication Error, Invalid proxy server token passed.", kind="token_not_found_in_db", param="key"
    )
