"""A response whose head has arrived: read it whole, or relay it piece by piece."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from phantom_gateway.wire.decoding import decode_body
from phantom_gateway.wire.errors import ResponseTooLarge, Truncated

if TYPE_CHECKING:
    from phantom_gateway.wire.message import Headers
    from phantom_gateway.wire.upstream import UpstreamConnection

UNREAD_LIMIT = 256 * 1024
"""Body bytes held for a caller that has not yet said whether it reads or relays."""


class Sink(Protocol):
    """Takes body bytes as they come from the socket."""

    def data(self, data: bytes, /) -> None:
        """Called synchronously from the read; what it raises ends the relay and is raised there."""


class Response:
    """One response. Exactly one of ``read``, ``relay`` or ``close`` must follow, else the connection stays taken.

    ``status``; ``headers`` with lower-case names; ``reused``: it came over a pooled connection.
    """

    __slots__ = (
        "_connection", "_done", "_error", "_first", "_held_back", "_limit", "_rest", "_sink", "_waiter",
        "headers", "index", "reused", "status",
    )  # fmt: skip

    def __init__(self, connection: UpstreamConnection, *, reused: bool) -> None:
        self._connection: UpstreamConnection | None = connection
        self.status = 0
        self.headers: Headers = []
        self.reused = reused
        self.index: dict[bytes, bytes] = {}
        self._done = False
        self._error: Exception | None = None
        self._first = b""
        self._rest: bytearray | None = None
        self._limit = -1
        self._held_back = False
        self._sink: Sink | None = None
        self._waiter: asyncio.Future[None] | None = None

    def get(self, name: bytes) -> bytes | None:
        """The first value of header ``name`` (lower case), or None."""
        return self.index.get(name)

    async def read(self, limit: int) -> bytes:
        """The whole body, decoded from its content coding, at most ``limit`` bytes before and after decoding.

        Raises ResponseTooLarge, Truncated, BodyStalled, BadResponse, DeadlineExceeded. The connection goes back to its pool
        at the end of the body and is closed on any error or cancellation.
        """
        announced = self.get(b"content-length")
        if announced is not None and int(announced) > limit and self._connection is not None:
            self._fail_now(ResponseTooLarge("response body too large", sent=True, received=True))
        self._limit = limit
        self._check_size()
        if not self._done:
            self._let_come()
            await self._wait()
        if self._error is not None:
            raise self._error
        body = self._take()
        coding = self.get(b"content-encoding")
        return body if coding is None else decode_body(body, coding, limit)

    async def relay(self, sink: Sink) -> None:
        """Give the body to ``sink`` as it arrives; return at its clean end.

        Raises Truncated, BodyStalled, BadResponse, DeadlineExceeded, or what the sink raised; the bytes that came before are
        delivered first. No decoding of content codings.
        """
        held = self._take()
        self._let_come()
        if held:
            try:
                sink.data(held)
            except BaseException:
                self.close()
                raise
        if not self._done:
            self._sink = sink
            await self._wait()
        if self._error is not None:
            raise self._error

    def pause(self) -> None:
        """Stop reading from the upstream (back-pressure)."""
        if self._connection is not None:
            self._connection.pause()

    def resume(self) -> None:
        """Read on."""
        if self._connection is not None:
            self._connection.resume()

    def hasten(self, seconds: float) -> None:
        """Nothing of worth follows: from now on bear at most this long a silence."""
        if self._connection is not None:
            self._connection.hasten(seconds)

    def close(self) -> None:
        """Abort: the connection is closed at once and not pooled. Does nothing after the end."""
        if self._connection is not None:
            connection = self._connection
            self._connection = None
            self._done = True
            connection.abandon()
            if self._waiter is not None and not self._waiter.done():
                self._error = self._error or Truncated(
                    "the response was closed while it was awaited", sent=True, received=True
                )
                self._waiter.set_result(None)

    # --- what the connection calls

    def body_arrived(self, data: bytes) -> None:
        """Body bytes of one read."""
        if self._sink is not None:
            self._sink.data(data)
            return
        if not self._first:
            self._first = data
        elif self._rest is None:
            self._rest = bytearray(data)
        else:
            self._rest += data
        if self._limit >= 0:
            self._check_size()
        elif self._held_bytes() > UNREAD_LIMIT:
            self._held_back = True
            self.pause()

    def body_ended(self, error: Exception | None) -> None:
        """The end, clean or not; the connection has gone."""
        self._connection = None
        self._done = True
        self._error = self._error or error
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # --- inner

    async def _wait(self) -> None:
        """Until the end of the body. A cancelled wait closes the connection."""
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        except asyncio.CancelledError:
            self.close()
            raise

    def _held_bytes(self) -> int:
        return len(self._first) + (len(self._rest) if self._rest is not None else 0)

    def _check_size(self) -> None:
        if self._held_bytes() > self._limit:
            self._fail_now(ResponseTooLarge("response body too large", sent=True, received=True))

    def _fail_now(self, error: Exception) -> None:
        self._error = error
        self._first = b""
        self._rest = None
        self.close()

    def _let_come(self) -> None:
        """Read on when it was us who paused; a caller's own pause stays."""
        if self._held_back:
            self._held_back = False
            self.resume()

    def _take(self) -> bytes:
        body = self._first if self._rest is None else self._first + self._rest
        self._first = b""
        self._rest = None
        return bytes(body)
