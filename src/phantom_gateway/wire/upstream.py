"""One connection to an upstream: writes a request, feeds the parser, hands body bytes to the response.

An exchange is open from ``send`` until the response is complete, failed or abandoned. The connection reports to its owner
(the pool) exactly once per exchange: back for reuse, or gone.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol, cast

from phantom_gateway.wire.errors import (
    BadResponse,
    BodyStalled,
    ConnectionLost,
    DeadlineExceeded,
    FirstByteTimeout,
    Truncated,
    UpstreamError,
)
from phantom_gateway.wire.response import Response
from phantom_gateway.wire.response_parser import ResponseParser

if TYPE_CHECKING:
    from phantom_gateway.wire.client import Timeouts
    from phantom_gateway.wire.outbox import Outbox

NEVER = float("inf")
_COPY_LIMIT = 32 * 1024


class Owner(Protocol):
    """Where a connection goes after an exchange."""

    def released(self, connection: UpstreamConnection) -> None:
        """It may serve another request."""

    def lost(self, connection: UpstreamConnection) -> None:
        """It is closed, or closing."""


class UpstreamConnection(asyncio.Protocol):
    """The protocol of one upstream connection; one exchange at a time."""

    __slots__ = (
        "_body_stall_s", "_closed", "_deadline", "_eof", "_head", "_loop", "_outbox", "_owner", "_parser", "_paused",
        "_response", "_reused", "_silence_from", "_stall_s", "idle_until", "transport",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, owner: Owner, loop: asyncio.AbstractEventLoop, outbox: Outbox) -> None:
        self._owner = owner
        self._outbox = outbox
        self._loop = loop
        self._parser = ResponseParser()
        self._response: Response | None = None
        self._head: asyncio.Future[None] | None = None
        self._reused = False
        self._closed = False
        self._paused = False
        self._eof = False
        self._deadline = NEVER
        self._silence_from = 0.0
        self._stall_s = NEVER
        self._body_stall_s = NEVER
        self.idle_until = NEVER

    @property
    def usable(self) -> bool:
        """Open, and no exchange running."""
        return not self._closed and self._response is None and not self.transport.is_closing()

    # --- an exchange

    async def exchange(self, head: bytes, body: bytes, timeouts: Timeouts, started: float) -> Response:
        """Send a request and wait for the response head. Cancellation closes the connection."""
        if not self.usable:
            raise ConnectionLost("the upstream closed the connection", reused=self._reused)
        response = self._response = Response(self, reused=self._reused)
        self._parser.begin(head_request=head[:5] == b"HEAD ")
        self._silence_from = self._loop.time()
        self._stall_s = NEVER if timeouts.first_byte_s is None else timeouts.first_byte_s
        self._body_stall_s = NEVER if timeouts.stall_s is None else timeouts.stall_s
        self._deadline = NEVER if timeouts.total_s is None else started + timeouts.total_s
        self._head = self._loop.create_future()
        if len(body) <= _COPY_LIMIT:
            self._outbox.write(self.transport, head + body if body else head)
        else:
            self._outbox.flush()
            self.transport.writelines((head, body))
        try:
            await self._head
        except asyncio.CancelledError:
            response.close()
            raise
        # From here on the connection may be another exchange's: an answer that came whole has released it already.
        return response

    def pause(self) -> None:
        """Stop reading; silence does not count while paused."""
        if not self._paused and not self._closed:
            self._paused = True
            self.transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused and not self._closed:
            self._paused = False
            self._silence_from = self._loop.time()
            self.transport.resume_reading()

    def hasten(self, seconds: float) -> None:
        """Shorten the silence that is borne until the end of this exchange."""
        self._stall_s = min(self._stall_s, seconds)

    def abandon(self) -> None:
        """The caller gave up: close at once."""
        self._response = None
        self._drop()

    def close(self) -> None:
        """Close an idle connection."""
        self._drop(graceful=True)

    def check(self, now: float) -> None:
        """The sweep: fail an exchange that is too old or too silent."""
        if self._response is None:
            return
        if now >= self._deadline:
            self._fail(DeadlineExceeded("the exchange took too long"))
        elif not self._paused and now - self._silence_from >= self._stall_s:
            if self._parser.head_done:
                self._fail(BodyStalled("the upstream fell silent"))
            else:
                self._fail(FirstByteTimeout("no response from the upstream in time"))

    # --- the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            # bytes nobody asked for: never let them become the next response
            self._drop()
            return
        parser = self._parser
        self._silence_from = self._loop.time()
        fault: Exception | None = None
        try:
            parser.feed(data)
        except BadResponse as error:
            fault = error
        pieces = parser.pieces
        if pieces:
            body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
            pieces.clear()
            try:
                response.body_arrived(body)
            except Exception as error:  # noqa: BLE001 (a sink's error belongs to whoever relays, not to the event loop)
                self._fail(error)
                return
            if self._response is None:
                return
        if fault is not None:
            self._fail(fault)
            return
        if parser.head_done:
            head = self._head
            if head is not None:
                self._head_arrived(response, head)
            if parser.complete:
                self._complete(response)

    def eof_received(self) -> None:
        self._eof = True

    def connection_lost(self, exc: Exception | None) -> None:
        was_closed = self._closed
        self._closed = True
        response = self._response
        if response is not None:
            if exc is None and self._eof and self._parser.eof():
                self._response = None
                response.body_ended(None)
            elif self._parser.head_done:
                self._fail(Truncated("the connection ended inside the body"))
            else:
                self._fail(ConnectionLost("the upstream closed the connection"))
        if not was_closed:
            self._owner.lost(self)

    # --- inner

    def _head_arrived(self, response: Response, head: asyncio.Future[None]) -> None:
        response.status = self._parser.status
        response.headers = self._parser.headers
        response.index = self._parser.index
        self._head = None
        self._stall_s = self._body_stall_s
        if not head.done():
            head.set_result(None)

    def _complete(self, response: Response) -> None:
        parser = self._parser
        self._response = None
        transport = self.transport
        if self._paused:
            self.resume()
        if (
            parser.keep_alive
            and not parser.surplus
            and not transport.is_closing()
            and not transport.get_write_buffer_size()
        ):
            self._reused = True
            response.body_ended(None)
            self._owner.released(self)
        else:
            response.body_ended(None)
            self._drop(graceful=True)

    def _fail(self, error: Exception) -> None:
        """End the exchange with ``error`` and close."""
        response = self._response
        self._response = None
        if isinstance(error, UpstreamError):
            error.sent = True
            error.received = self._parser.started
            error.reused = self._reused
            error.status = self._parser.status if self._parser.head_done else 0
        head = self._head
        self._head = None
        if head is not None and not head.done():
            head.set_exception(error)
        elif response is not None:
            response.body_ended(error)
        self._drop()

    def _drop(self, *, graceful: bool = False) -> None:
        self._head = None
        if self._closed:
            return
        self._closed = True
        if graceful:
            self.transport.close()
        else:
            self.transport.abort()
        self._owner.lost(self)
