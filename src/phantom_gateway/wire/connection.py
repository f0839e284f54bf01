"""One client connection of the server: bytes to the parser, requests to the handler, timeouts and the ways to end.

States: idle → receiving → serving → idle ..., and at the end lingering (an error was answered: discard what the client
still sends so that the answer is not lost in a reset) or closing (flushing the last response).
"""

from __future__ import annotations

import asyncio
import logging
import socket
from typing import TYPE_CHECKING, cast

from phantom_gateway.wire.errors import BadRequest
from phantom_gateway.wire.intake import SMALL_BODY, Refusal, Verdict
from phantom_gateway.wire.message import header_block
from phantom_gateway.wire.request_parser import RequestParser
from phantom_gateway.wire.responder import HIGH_WATER, Responder, status_line

if TYPE_CHECKING:
    from phantom_gateway.wire.intake import Gate
    from phantom_gateway.wire.message import Request
    from phantom_gateway.wire.outbox import Outbox
    from phantom_gateway.wire.server import HttpServer

log = logging.getLogger(__name__)

NEVER = float("inf")
LINGER_BYTES = 64 * 1024 * 1024
LINGER_S = 1.0
LINGER_MOST_S = 5.0
"""A client that sends a whole body before it reads is heard out, as far as these bounds allow: cut off earlier, it would find a
reset instead of its answer. Nothing of it is kept."""
MIN_BODY_PROGRESS = 1024
"""Bytes a request body must bring per ``body_stall_s``."""
MIN_WRITE_PROGRESS = 16 * 1024
"""Bytes a client must take per ``write_stall_s`` while it has unread output."""

NO_ROOM = "too many request bodies are being received"

_IDLE, _RECEIVING, _SERVING, _LINGERING, _CLOSING = range(5)


class ServerConnection(asyncio.Protocol):
    """The protocol of one accepted connection."""

    __slots__ = (
        "_ahead", "_body_until", "_close", "_discarded", "_held", "_in_body", "_judging", "_known", "_limits",
        "_linger_until", "_loop", "_lost", "_parser", "_patience", "_progress", "_responder", "_running", "_served",
        "_server", "_state", "_task",
        "_unsent", "_version_10", "_writable", "deadline", "outbox", "transport",
    )  # fmt: skip

    transport: asyncio.Transport

    def __init__(self, server: HttpServer, loop: asyncio.AbstractEventLoop, outbox: Outbox) -> None:
        self.outbox = outbox
        self._server = server
        self._loop = loop
        self._limits = server.limits
        self._parser = RequestParser(self._limits)
        self._state = _IDLE
        self._task: asyncio.Task[None] | None = None
        self._responder: Responder | None = None
        self._ahead = b""
        self._close = False
        self._lost = False
        self._running = False
        self._version_10 = False
        self._writable = True
        self._served = 0
        self._discarded = 0
        self._progress = 0
        self._in_body = False
        self._body_until = self._linger_until = NEVER
        self._held = 0
        self._known = True
        self._judging: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None
        self._unsent = 0
        self.deadline = NEVER
        """Loop time at which ``timed_out`` is due; the server looks once per sweep."""

    # --- the transport calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(HIGH_WATER)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family != socket.AF_UNIX:
            # asyncio does this only for sockets made with an explicit protocol number, ours are inherited
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer = transport.get_extra_info("peername")
        self._parser.peer = peer[0] if isinstance(peer, tuple) else "unix"
        if transport.get_extra_info("ssl_object") is not None:
            self._parser.scheme = "https"
        self.deadline = self._loop.time() + self._limits.header_timeout_s
        self._server.connection_opened(self)

    def data_received(self, data: bytes) -> None:
        state = self._state
        if state <= _RECEIVING:
            self._feed(data)
        elif state == _SERVING:
            # The next request before this answer: hold one read of it and stop reading until we are done. From here on a
            # disconnect is noticed by writing only, which is why reading goes on as long as nothing comes.
            self._ahead += data
            self.transport.pause_reading()
        else:
            self._discarded += len(data)
            if self._discarded > LINGER_BYTES:
                self.transport.abort()
            elif state == _LINGERING:
                self.deadline = min(self._loop.time() + LINGER_S, self._linger_until)

    def eof_received(self) -> bool:
        if self._state == _RECEIVING:
            self.refuse(408, "request incomplete")
            self._discarded = LINGER_BYTES
            self._end()
            return True
        responder = self._responder
        if responder is not None and not responder.finished:
            self._client_left()
            self.transport.abort()
        else:
            self._end()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost = True
        self.deadline = NEVER
        self._stop_judging()
        self._client_left()
        if self._task is None:
            self._let_go()
            self._server.connection_closed(self)

    def pause_writing(self) -> None:
        self._writable = False
        self._unsent = self.transport.get_write_buffer_size()
        self.deadline = self._loop.time() + self._limits.write_stall_s
        if self._responder is not None:
            self._responder.writable = False

    def resume_writing(self) -> None:
        self._writable = True
        if self._state == _SERVING:
            self.deadline = NEVER
        responder = self._responder
        if responder is not None and not responder.writable:
            responder.writable = True
            if responder.on_writable is not None:
                responder.on_writable()

    # --- requests

    def _feed(self, data: bytes) -> None:
        parser = self._parser
        try:
            request = parser.feed(data)
        except BadRequest as error:
            self.refuse(error.status, error.reason)
            return
        if request is not None:
            self._serve(request)
        elif parser.in_body:
            self._body_arrives(len(data))
        elif self._state == _IDLE:
            self._state = _RECEIVING
            self.deadline = self._loop.time() + self._limits.header_timeout_s

    def _body_arrives(self, size: int) -> None:
        """Some of a body that is not complete: it must keep coming, come to an end in time, and find room."""
        now = self._loop.time()
        begins = not self._in_body
        if begins:
            self._state = _RECEIVING
            self._in_body = True
            self._progress = 0
            self._body_until = now + self._limits.body_timeout_s
            self.deadline = min(now + self._limits.body_stall_s, self._body_until)
        self._progress += size
        if self._progress >= MIN_BODY_PROGRESS:
            self._progress = 0
            self.deadline = min(now + self._limits.body_stall_s, self._body_until)
        if not self._hold(self._held + size):
            self.refuse(503, NO_ROOM)
        elif begins:
            self._judge()

    def _judge(self) -> None:
        """The head is whole and its body is not: who asks is judged before more than this one read is buffered for him."""
        head, gate = self._parser.opened, self._server.gate
        if head is None or gate is None or gate.knows(head):
            self._admit(True)
            return
        self.transport.pause_reading()
        # as for a request's task: this reference holds it
        self._judging = self._loop.create_task(self._await_verdict(gate, head))

    async def _await_verdict(self, gate: Gate, head: Request) -> None:
        verdict = await gate.judge(head)
        self._judging = None
        if not self.transport.is_closing():
            self.transport.resume_reading()
            self._admit(verdict)

    def _admit(self, verdict: Verdict) -> None:
        """Let the rest of the body come, or answer now; either is the only answer to ``Expect: 100-continue``."""
        if isinstance(verdict, Refusal):
            self._answer_and_close(*verdict)
            return
        parser = self._parser
        if not verdict:
            held = self._held
            self._let_go()
            self._known = False
            if not self._hold(held):
                self.refuse(503, NO_ROOM)
                return
        length = parser.opened.get(b"content-length") if parser.opened is not None else None
        if length is not None and not self._server.intake.room(int(length) - self._held, known=self._known):
            self.refuse(503, NO_ROOM)
        elif parser.send_continue:
            parser.send_continue = False
            self.outbox.write(self.transport, b"HTTP/1.1 100 Continue\r\n\r\n")

    def _stop_judging(self) -> None:
        if self._judging is not None:
            self._judging.cancel()
            self._judging = None
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def _hold(self, size: int) -> bool:
        """Count ``size`` bytes of body as held for this connection; whether there is room for them."""
        if not self._server.intake.take(size - self._held, known=self._known):
            return False
        self._held = size
        return True

    def _let_go(self) -> None:
        if self._held:
            self._server.intake.give_back(self._held, known=self._known)
            self._held = 0
        self._known = True

    def _serve(self, request: Request) -> None:
        server = self._server
        size = len(request.body)
        if self._in_body or size > SMALL_BODY:
            self._in_body = False
            self._stop_judging()
            if not self._hold(size):
                self.refuse(503, NO_ROOM)
                return
        server.requests += 1
        server.in_flight += 1
        self._served += 1
        self._state = _SERVING
        self.deadline = NEVER
        self._version_10 = request.version_10
        self._close = not request.keep_alive or self._served >= self._limits.max_requests_per_connection
        if self._parser.rest:
            self._ahead = self._parser.rest
            self.transport.pause_reading()
        responder = self._responder = Responder(self, request.method, version_10=request.version_10)
        responder.writable = self._writable
        # Not TaskGroup.spawn: this reference holds the task, and the set, callback and name cost as much as the parser.
        self._task = self._loop.create_task(self._run(request, responder))

    async def _run(self, request: Request, responder: Responder) -> None:
        """The one task of a request: the handler and the consequences of how it ended."""
        server = self._server
        self._running = True
        try:
            if not responder.gone:
                await server.handler(request, responder)
        except Exception as error:  # noqa: BLE001 (the boundary: a handler's defect ends its request only)
            # by type only: a message may quote the request
            log.error("request handler failed: %s", type(error).__name__)  # noqa: TRY400
        finally:
            server.in_flight -= 1
            self._running = False
            self._task = None
            self._responder = None
            self._handler_ended(responder)

    def _handler_ended(self, responder: Responder) -> None:
        if self._held:
            self._let_go()
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        if self._lost:
            self._server.connection_closed(self)
        elif self.transport.is_closing():
            return  # the end of the connection is on its way, or the loop itself is going
        elif responder.gone:
            self._end()
        elif not responder.finished:
            if responder.started:
                responder.abort()
            else:
                responder.started = responder.finished = True
                stopping = self._server.draining
                self.refuse(503 if stopping else 500, "the server is being stopped" if stopping else "internal error")
        elif self._state == _SERVING:
            self._next_request()

    def _next_request(self) -> None:
        self._state = _IDLE
        self.deadline = self._loop.time() + self._limits.idle_timeout_s
        if self._ahead:
            data = self._ahead
            self._ahead = b""
            self.transport.resume_reading()
            self._feed(data)
        elif self._server.draining:
            self._end()

    def _client_left(self) -> None:
        """Nobody reads the answer any more: stop the handler, unless its answer is complete and it only tidies up."""
        responder = self._responder
        if responder is not None:
            responder.gone = True
            # a task cancelled before its first step would never reach its finally: it sees ``gone`` instead
            if self._running and not responder.finished and self._task is not None:
                if responder.patience_s and self._patience is None:
                    self._patience = self._loop.call_later(responder.patience_s, self._task.cancel)
                elif not responder.patience_s:
                    self._task.cancel()

    # --- what the responder calls

    def head_tail(self, *, close_delimited: bool) -> bytes:
        """``date`` and ``connection`` for the head that is written now."""
        server = self._server
        if close_delimited or server.draining:
            self._close = True
        if self._close:
            return server.date_line + b"connection: close\r\n"
        if self._version_10:
            return server.date_line + b"connection: keep-alive\r\n"
        return server.date_line

    def response_finished(self) -> None:
        """The response is with the transport: close when it said so."""
        if self._close or self._server.draining:
            if self._ahead:
                self._linger()
            else:
                self._end()

    def response_aborted(self, *, reset: bool) -> None:
        """Close without the end of the response; ``reset`` when a plain close would look like an end."""
        if reset:
            self._state = _CLOSING
            self.transport.abort()
        else:
            self._end()

    # --- ends

    def refuse(self, status: int, reason: str) -> None:
        """Answer a protocol error (or a refusal without handler) and close, letting the answer arrive."""
        headers, body = self._server.fallback(status, reason, self._parser.path)
        self._answer_and_close(status, header_block(headers), body)

    def _answer_and_close(self, status: int, block: bytes, body: bytes) -> None:
        self._stop_judging()
        self._let_go()
        head = b"%b%bcontent-length: %d\r\n%bconnection: close\r\n\r\n"
        self.outbox.write(self.transport, head % (status_line(status), block, len(body), self._server.date_line) + body)
        self._linger()

    def _linger(self) -> None:
        """Close our side, read and drop what still comes for a moment (RFC 9112 section 9.6)."""
        self.outbox.flush()
        self._state = _LINGERING
        self._ahead = b""
        now = self._loop.time()
        self._linger_until = now + LINGER_MOST_S
        self.deadline = now + LINGER_S
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()

    def _end(self) -> None:
        """Close when everything is flushed."""
        self.outbox.flush()
        self._state = _CLOSING
        self.deadline = self._loop.time() + self._limits.write_stall_s
        self._unsent = self.transport.get_write_buffer_size()
        self.transport.close()

    def drain(self) -> None:
        """Close now if idle; a request in progress is answered first."""
        if self._state == _IDLE and not self._lost:
            self._end()

    def interrupt(self) -> None:
        """Cancel the running handler, which may still say that it was; a connection without one ends at once."""
        if self._running and self._task is not None:
            self._task.cancel()
        else:
            self.abort()

    def abort(self) -> None:
        """End at once, the running handler is cancelled."""
        if not self._lost:
            self.transport.abort()

    def timed_out(self, now: float) -> None:
        """The deadline passed; what that means depends on the state."""
        state = self._state
        if state == _LINGERING:
            self.transport.abort()
        elif (unsent := self.transport.get_write_buffer_size()) or state in {_SERVING, _CLOSING}:
            if self._unsent - unsent >= MIN_WRITE_PROGRESS:
                self._unsent = unsent
                self.deadline = now + self._limits.write_stall_s
            else:
                self.transport.abort()
        elif state == _RECEIVING:
            self.refuse(408, "request incomplete")
        else:
            self._end()
