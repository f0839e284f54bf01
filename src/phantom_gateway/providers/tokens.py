"""Access tokens that upstreams take instead of a key, had with client credentials (OAuth 2.0, RFC 6749, section 4.4).

Entra ID gives them for Azure; one lives about an hour. It is kept in memory only, renewed before its end while the old one is still
good, by one request at a time, and through the egress rules like every call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from urllib.parse import urlencode

import msgspec

from phantom_gateway.config.secret import Secret
from phantom_gateway.spine.snapshot import TokenGrant
from phantom_gateway.wire import errors as wire
from phantom_gateway.wire.client import HttpClient, Timeouts, render_head
from phantom_gateway.wire.message import header_block
from phantom_gateway.wire.origin import Origin

RENEW_S = 300.0
"""Before its end, or when half of a shorter life is over."""
MARGIN_S = 5.0
"""A token this close to its end is not sent any more."""
AGAIN_S = 2.0
"""After a failure nobody asks again for so long."""
RENEW_AGAIN_S = 15.0
"""The same while the old token is good."""
MAX_ANSWER = 64 * 1024
MAX_HELD = 1_000
"""Tokens in memory; configurations change, and leave theirs behind."""
_TIMEOUTS = Timeouts(connect_s=5.0, first_byte_s=10.0, stall_s=10.0, total_s=15.0)


class TokenError(Exception):
    """There is no token. ``refused``: the credentials were not taken; else nobody could be asked."""

    def __init__(self, message: str, *, refused: bool = False) -> None:
        super().__init__(message)
        self.refused = refused


class _Answer(msgspec.Struct):
    access_token: str
    expires_in: int | str = 0


_decoder = msgspec.json.Decoder(_Answer)


class _Held:
    __slots__ = ("ends", "failed", "failed_until", "lock", "renew_at", "token")

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.token: Secret | None = None
        self.ends = self.renew_at = self.failed_until = 0.0
        self.failed: TokenError | None = None


class Tokens:
    """The tokens of a process, by what they were had with."""

    def __init__(self, client: HttpClient, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._held: dict[tuple[str, ...], _Held] = {}

    async def of(self, grant: TokenGrant) -> Secret:
        """A token that is good now: the same object as long as it is. Raises TokenError."""
        name = _name(grant)
        held = self._held.get(name)
        if held is None:
            if len(self._held) >= MAX_HELD:
                self._held.clear()
            held = self._held[name] = _Held()
        now = self._clock()
        if held.token is not None and (now < held.renew_at or (held.lock.locked() and now < held.ends)):
            return held.token
        async with held.lock:
            now = self._clock()
            good = held.token if now < held.ends else None
            if good is not None and now < held.renew_at:
                return good
            if held.failed is not None and now < held.failed_until:
                if good is not None:
                    return good
                raise held.failed
            try:
                token, life = await self._asked(grant)
            except TokenError as error:
                held.failed = error
                held.failed_until = self._clock() + (AGAIN_S if good is None else RENEW_AGAIN_S)
                if good is None:
                    raise
                return good
            held.token, held.failed = token, None
            held.renew_at = now + max(life - RENEW_S, life / 2)
            held.ends = now + life - min(MARGIN_S, life / 4)
            return token

    def forget(self, grant: TokenGrant, token: Secret | None) -> None:
        """``token`` was not taken: have another one next time."""
        held = self._held.get(_name(grant))
        if held is not None and held.token is token:
            held.token, held.ends = None, 0.0

    async def _asked(self, grant: TokenGrant) -> tuple[Secret, float]:
        body = urlencode(
            {
                "grant_type": "client_credentials",
                "client_id": grant.client_id,
                "client_secret": grant.client_secret.reveal(),
                "scope": grant.scope,
            }
        ).encode()
        origin = Origin.of(grant.address)
        headers = ((b"content-type", b"application/x-www-form-urlencoded"), (b"accept-encoding", b"identity"))
        head = render_head("POST", grant.path.encode("ascii"), origin.host_header, header_block(headers), len(body))
        try:
            response = await self._client.request(origin, head, body, _TIMEOUTS)
            try:
                answer = await response.read(MAX_ANSWER)
            finally:
                response.close()
        except wire.UpstreamError as error:
            raise TokenError("The service that gives the upstream's tokens cannot be reached.") from error
        if response.status != 200:
            # What it says is a stranger's text, and may repeat the secret.
            refused = 400 <= response.status < 500 and response.status not in (408, 429)
            message = f"The service that gives the upstream's tokens answered with status {response.status}."
            raise TokenError(message, refused=refused)
        return _read(answer)


def _read(answer: bytes) -> tuple[Secret, float]:
    """The token and how many seconds it is good for. Raises TokenError."""
    try:
        said = _decoder.decode(answer)
        life = float(said.expires_in)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError, OverflowError):
        said, life = _Answer(""), 0.0
    token = said.access_token
    if not token.isascii() or not token.isprintable() or not token or " " in token or not 0 < life < 1e7:
        raise TokenError("The service that gives the upstream's tokens answered with something else.")
    return Secret(token), life


def _name(grant: TokenGrant) -> tuple[str, ...]:
    address = grant.address
    place = f"{address.scheme}://{address.host}:{address.port}{grant.path}"
    return place, grant.client_id, grant.scope, grant.client_secret.reveal()
