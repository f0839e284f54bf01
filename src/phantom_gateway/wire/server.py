"""The HTTP/1.1 server: accepts, counts, sweeps deadlines, drains."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from functools import partial
from typing import TYPE_CHECKING

from phantom_gateway.wire.connection import ServerConnection
from phantom_gateway.wire.intake import Gate, Intake
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.outbox import Outbox
from phantom_gateway.wire.responder import Responder

if TYPE_CHECKING:
    from ssl import SSLContext

    from phantom_gateway.spine.snapshot import HttpLimits

Handler = Callable[[Request, Responder], Awaitable[None]]
"""Answers one request; runs as one task, cancelled when the client leaves before the answer is complete."""
Fallback = Callable[[int, str, bytes], tuple[list[tuple[bytes, bytes]], bytes]]
"""Status, reason and the path as far as it came, to headers and body, for answers that never reach a handler."""

REFUSED_AT_ONCE = 64
"""Connections over the limit that are told so; beyond these they are cut."""
_BACKLOG = 2048
_LAST_WORDS_S = 1.0
_SETTLE_S = 5.0
"""How long cancelled handlers may take to tidy up at the end of a drain."""


def openai_fallback(status: int, reason: str, _path: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The default body of a protocol error, in the shape of OpenAI's API."""
    kind = "invalid_request_error" if status < 500 else "internal_server_error"
    body = {"error": {"message": reason, "type": kind, "param": None, "code": str(status)}}
    headers = [(b"content-type", b"application/json")]
    if status == 503:
        headers.append((b"retry-after", b"1"))
    return headers, json.dumps(body).encode()


class HttpServer:
    """Serves requests on sockets it is given; one task per request runs ``handler``.

    ``fallback`` renders the answers that never reach a handler (protocol errors, overload). ``gate`` judges a request by its
    head when its body does not come with it. ``connections``, ``in_flight``, ``requests`` and ``intake`` are figures for health
    and metrics.
    """

    def __init__(
        self, handler: Handler, limits: HttpLimits, *, fallback: Fallback = openai_fallback, gate: Gate | None = None
    ) -> None:
        self.handler = handler
        self.limits = limits
        self.fallback = fallback
        self.gate = gate
        self.intake = Intake(limits.max_buffered)
        self.in_flight = 0
        self.requests = 0
        self.draining = False
        self.date_line = b""
        self._open: set[ServerConnection] = set()
        self._listeners: list[asyncio.Server] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None

    @property
    def connections(self) -> int:
        """Connections open now (and those lost whose handler still tidies up)."""
        return len(self._open)

    async def start(self, sock: socket.socket, ssl: SSLContext | None = None) -> None:
        """Serve on a bound socket (TCP or unix); may be called for several sockets."""
        loop = asyncio.get_running_loop()
        accept = partial(ServerConnection, self, loop, Outbox(loop))
        sock.setblocking(False)
        handshake = self.limits.tls_handshake_s if ssl is not None else None
        if sock.family == socket.AF_UNIX:
            listener: asyncio.Server = await loop.create_unix_server(
                accept, sock=sock, ssl=ssl, backlog=_BACKLOG, ssl_handshake_timeout=handshake
            )
        else:
            listener = await loop.create_server(
                accept, sock=sock, ssl=ssl, backlog=_BACKLOG, ssl_handshake_timeout=handshake
            )
        self._listeners.append(listener)
        if self._sweeper is None:
            self._sweep(loop)

    def set_limits(self, limits: HttpLimits) -> None:
        """Limits for connections accepted from now on; the bound of bodies held is for all."""
        self.limits = limits
        self.intake.limit = limits.max_buffered

    def close_listener(self) -> None:
        """Accept no more; what is open goes on."""
        for listener in self._listeners:
            listener.close()
        self._listeners.clear()

    async def drain(self, grace_s: float) -> None:
        """End: no new connections, idle ones closed at once, running responses get up to ``grace_s`` seconds.

        Then their handlers are cancelled with the client still there (``responder.gone`` is false), and shortly after
        that whatever is left is cut.
        """
        loop = asyncio.get_running_loop()
        self.close_listener()
        self.draining = True
        for connection in list(self._open):
            connection.drain()
        await self._wait_empty(loop, grace_s)
        for connection in list(self._open):
            connection.interrupt()
        await self._wait_empty(loop, _LAST_WORDS_S)
        for connection in list(self._open):
            connection.abort()
        await self._wait_empty(loop, _SETTLE_S)
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None

    async def _wait_empty(self, loop: asyncio.AbstractEventLoop, timeout: float) -> None:  # noqa: ASYNC109
        if self._open:
            self._empty = loop.create_future()
            await asyncio.wait([self._empty], timeout=timeout)
            self._empty = None

    # --- what connections call

    def connection_opened(self, connection: ServerConnection) -> None:
        """Count a connection; refuse it when there are too many."""
        self._open.add(connection)
        surplus = len(self._open) - self.limits.max_connections
        if surplus > REFUSED_AT_ONCE:
            connection.abort()
        elif surplus > 0:
            connection.refuse(503, "too many connections")

    def connection_closed(self, connection: ServerConnection) -> None:
        """The connection is lost and its handler has ended."""
        self._open.discard(connection)
        if not self._open and self._empty is not None and not self._empty.done():
            self._empty.set_result(None)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        """One timer for all connections: the coarse clock of every deadline, and the date."""
        now = loop.time()
        self.date_line = b"date: %b\r\n" % formatdate(time.time(), usegmt=True).encode()
        for connection in [each for each in self._open if each.deadline <= now]:
            connection.timed_out(now)
        limits = self.limits
        shortest = min(limits.header_timeout_s, limits.body_stall_s, limits.idle_timeout_s, limits.write_stall_s)
        self._sweeper = loop.call_later(min(1.0, max(0.02, shortest / 4)), self._sweep, loop)
