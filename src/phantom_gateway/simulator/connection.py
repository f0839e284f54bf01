"""One connection: bytes to requests, scripts to bytes. It owns its socket because it breaks HTTP on purpose.

The write buffer's high-water mark is 0: every write goes to the kernel at once and on its own, and a peer that does not read
stops the script at the very piece it does not take. So what the books call written has left this process.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections import deque
from typing import TYPE_CHECKING, cast

import httptools

from phantom_gateway.simulator.desk import Desk, refused
from phantom_gateway.simulator.script import End, Script

if TYPE_CHECKING:
    from phantom_gateway.simulator.counts import Header, Tally
    from phantom_gateway.simulator.pacer import Pacer

MAX_HEAD = 64 * 1024
MAX_BODY = 256 << 20
MAX_PIPELINE = 16
HOLD_MS = 600_000
"""How long a stalled answer is held open before the simulator gives up on its peer."""
LINGER_MS = 1000
LINGER_0 = struct.pack("ii", 1, 0)
Received = tuple[bytes, bytes, "list[Header]", bytes, bytes, bool]


class Connection(asyncio.Protocol):
    """Parses requests, plays one script at a time; pipelined requests wait for their turn."""

    __slots__ = (
        "_body",
        "_closing",
        "_control",
        "_desk",
        "_expects",
        "_headers",
        "_holding",
        "_in_body",
        "_index",
        "_keep_alive",
        "_open",
        "_pacer",
        "_parser",
        "_paused",
        "_script",
        "_size",
        "_tally",
        "_target",
        "_ticking",
        "_transport",
        "_waiting",
    )  # fmt: skip

    def __init__(self, desk: Desk, pacer: Pacer, connections: set[Connection]) -> None:
        self._desk = desk
        self._pacer = pacer
        self._open = connections
        self._parser = httptools.HttpRequestParser(self)
        self._transport: asyncio.Transport
        self._waiting: deque[Received] = deque()
        self._script: Script | None = None
        self._tally: Tally | None = None
        self._index = 0
        self._keep_alive = True
        self._paused = self._ticking = self._holding = self._closing = False
        self._size = 0
        self.on_message_begin()

    # transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=0)
        self._open.add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        self._open.discard(self)
        self._waiting.clear()
        if self._script is not None and self._tally is not None:
            self._tally.aborted += 1
        self._script = None

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        script = self._script
        if script is not None and not self._ticking and not self._holding:
            self._play(script)

    def data_received(self, data: bytes) -> None:
        if self._closing:
            return
        if not self._in_body:
            self._size += len(data)
            if self._size > MAX_HEAD + len(data):
                self._refuse(431, "The head of the request is larger than 64 KiB.")
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refuse(400, f"Not a request: {error}")

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    # parser

    def on_message_begin(self) -> None:
        self._target = b""
        self._headers: list[Header] = []
        self._control = b""
        self._expects = False
        self._body: bytes | list[bytes] = b""
        self._in_body = False

    def on_url(self, url: bytes) -> None:
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_body:
            return
        self._headers.append((name, value))
        size = len(name)
        if size == 10 and name.lower() == b"x-simulate":
            self._control = value
        elif size == 6 and name.lower() == b"expect":
            self._expects = True

    def on_headers_complete(self) -> None:
        self._in_body = True
        self._size = 0
        if self._expects and self._script is None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if not self._body:
            self._body = body
            return
        if isinstance(self._body, bytes):
            self._body = [self._body]
        self._body.append(body)
        self._size += len(body)
        if self._size > MAX_BODY:
            self._refuse(413, "The body of the request is larger than 256 MiB.")

    def on_message_complete(self) -> None:
        if self._closing:
            return
        self._in_body = False
        self._size = 0
        parser = self._parser
        body = self._body if isinstance(self._body, bytes) else b"".join(self._body)
        self._body = b""
        method, target, headers, control = parser.get_method(), self._target, self._headers, self._control
        if self._script is None:
            self._keep_alive = parser.should_keep_alive()
            self._start(*self._desk.receive(method, target, headers, body, control))
        elif len(self._waiting) < MAX_PIPELINE:
            self._waiting.append((method, target, headers, body, control, parser.should_keep_alive()))
        else:
            self._closing = True
            self._transport.abort()

    # script

    def tick(self) -> None:
        """The pacer says that it is time for the next piece."""
        self._ticking = False
        if self._transport.is_closing():
            return
        if self._holding:
            self._cut(End.RESET)
        elif (script := self._script) is not None and not self._paused:
            self._play(script)

    def _start(self, script: Script, tally: Tally | None) -> None:
        self._script = script
        self._tally = tally
        self._index = 0
        if tally is not None:
            tally.requests += 1
        if script.first_ms:
            self._ticking = True
            self._pacer.schedule(self, script.first_ms)
        else:
            self._play(script)

    def _play(self, script: Script) -> None:
        """Write the pieces that are due."""
        pieces = script.pieces
        tally = self._tally
        while self._index < len(pieces):
            piece = pieces[self._index]
            if tally is not None:
                if not self._index:
                    bill = script.bill
                    tally.prompt_tokens += bill.prompt
                    tally.cached += bill.cached
                    tally.reasoning += bill.reasoning
                tally.completion_tokens += piece.tokens
            self._index += 1
            self._transport.write(piece.data)
            if self._paused:
                return
            if script.pace_ms and self._index < len(pieces):
                self._ticking = True
                self._pacer.schedule(self, script.pace_ms)
                return
        self._finish(script)

    def _finish(self, script: Script) -> None:
        end = script.end
        if end is End.HOLD:
            self._holding = self._ticking = True
            self._pacer.schedule(self, HOLD_MS)
            return
        if not script.whole or end is End.RESET:
            self._cut(end)
            return
        if self._tally is not None:
            self._tally.completed += 1
        self._script = None
        if end is End.CLOSE or not self._keep_alive:
            self._closing = True
            self._transport.close()
        elif self._waiting:
            method, target, headers, body, control, self._keep_alive = self._waiting.popleft()
            self._start(*self._desk.receive(method, target, headers, body, control))

    def _cut(self, end: End) -> None:
        """Break off as the mode wants it."""
        if self._script is not None and self._tally is not None:
            self._tally.cut += 1
        self._script = None
        self._closing = True
        if end is not End.RESET:
            self._transport.close()
            return
        peer = self._transport.get_extra_info("socket")
        if peer.family != socket.AF_UNIX:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_0)
        self._transport.abort()

    def _refuse(self, status: int, message: str) -> None:
        """Answer what is no request and hang up; what still arrives is read away, else a reset would destroy the answer."""
        self._closing = True
        if self._script is not None or self._transport.is_closing():
            self._transport.close()
            return
        self._transport.write(refused(status, message).pieces[0].data)
        self._transport.write_eof()
        self._holding = self._ticking = True
        self._pacer.schedule(self, LINGER_MS)
