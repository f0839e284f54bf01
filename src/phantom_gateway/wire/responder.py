"""The answering side of one request: whole responses, streams, and how both are framed."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

from phantom_gateway.wire.message import header_block

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Sequence

    from phantom_gateway.wire.outbox import Outbox

    HeaderSource = Sequence[tuple[bytes, bytes]] | bytes

STATUS_LINES = {status.value: b"HTTP/1.1 %d %b\r\n" % (status.value, status.phrase.encode()) for status in HTTPStatus}
HIGH_WATER = 64 * 1024
"""Unsent bytes of one client from which on ``write`` answers False."""
HARD_BOUND = 1024 * 1024
"""Unsent bytes at which a caller that ignored False loses the connection."""
_COPY_LIMIT = 32 * 1024
"""Bodies up to this size are joined with their head: one copy is cheaper than a gathered write."""
_BODILESS = frozenset((204, 304))
_LAST_CHUNK = b"0\r\n\r\n"


class Channel(Protocol):
    """What a responder needs of its connection."""

    transport: asyncio.Transport
    outbox: Outbox

    def head_tail(self, *, close_delimited: bool) -> bytes:
        """The ``date`` and ``connection`` lines for a head that is written now; fixes whether the connection stays."""

    def response_finished(self) -> None:
        """The last byte of the response was handed to the transport."""

    def response_aborted(self, *, reset: bool) -> None:
        """The response ends here without its end."""


def status_line(status: int) -> bytes:
    """``HTTP/1.1 200 OK`` with line end, for any three-digit status."""
    return STATUS_LINES.get(status) or b"HTTP/1.1 %d Status\r\n" % status


class Responder:
    """Answers one request. Exactly one of ``send``, or ``start``, ``write``... and ``finish``; or ``abort``.

    All methods are synchronous and never raise because the client left: after that ``gone`` is True and writing does nothing.
    """

    __slots__ = (
        "_chunked", "_connection", "_head_only", "_held", "_version_10", "finished", "gone", "on_writable", "patience_s",
        "started", "writable",
    )  # fmt: skip

    def __init__(self, connection: Channel, method: str, *, version_10: bool) -> None:
        self._connection = connection
        self._head_only = method == "HEAD"
        self._version_10 = version_10
        self._chunked = False
        self._held = b""
        self.on_writable: Callable[[], None] | None = None
        self.writable = True
        self.started = False
        self.finished = False
        self.gone = False
        self.patience_s = 0.0
        """How long the handler may go on after the client has left; 0: it is cancelled at once."""

    def send(self, status: int, headers: HeaderSource, body: bytes) -> None:
        """A whole response in one write. ``headers``: pairs, or a rendered block from ``message.header_block``.

        ``content-length``, ``date`` and ``connection`` are written here. Raises RuntimeError when already started.
        """
        if self.started:
            raise RuntimeError("response already started")
        block = headers if headers.__class__ is bytes else header_block(headers)  # type: ignore[arg-type]
        self.started = self.finished = True
        if self.gone:
            return
        connection = self._connection
        tail = connection.head_tail(close_delimited=False)
        line = STATUS_LINES.get(status) or status_line(status)
        if status in _BODILESS:
            connection.outbox.write(connection.transport, b"%b%b%b\r\n" % (line, block, tail))
        elif self._head_only:
            data = b"%b%bcontent-length: %d\r\n%b\r\n" % (line, block, len(body), tail)
            connection.outbox.write(connection.transport, data)
        elif len(body) <= _COPY_LIMIT:
            data = b"%b%bcontent-length: %d\r\n%b\r\n%b" % (line, block, len(body), tail, body)
            connection.outbox.write(connection.transport, data)
        else:
            connection.outbox.flush()
            connection.transport.writelines(
                (b"%b%bcontent-length: %d\r\n%b\r\n" % (line, block, len(body), tail), body)
            )
        connection.response_finished()

    def start(self, status: int, headers: HeaderSource) -> None:
        """Begin a stream: the head is held back until the first ``write`` or ``finish`` so that they leave together."""
        if self.started:
            raise RuntimeError("response already started")
        block = headers if headers.__class__ is bytes else header_block(headers)  # type: ignore[arg-type]
        self.started = True
        if self.gone:
            return
        bodiless = self._head_only or status in _BODILESS
        self._chunked = not bodiless and not self._version_10
        self._head_only = bodiless
        tail = self._connection.head_tail(close_delimited=not bodiless and self._version_10)
        coding = b"transfer-encoding: chunked\r\n" if self._chunked else b""
        self._held = b"%b%b%b%b\r\n" % (status_line(status), block, coding, tail)

    def write(self, data: bytes) -> bool:
        """One piece of the stream. False: the client reads too slowly, pause the source until ``on_writable`` is called."""
        if self.gone or self.finished:
            return True
        if not self.started:
            raise RuntimeError("response not started")
        connection = self._connection
        if not self.writable and connection.transport.get_write_buffer_size() > HARD_BOUND:
            connection.transport.abort()
            return False
        if self._head_only:
            data = b""
        elif self._chunked and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._held:
            data = self._held + data
            self._held = b""
        if data:
            connection.outbox.write(connection.transport, data)
        return self.writable

    def flush_head(self) -> None:
        """Send a held-back head now, when the first data will take long."""
        self.write(b"")

    def finish(self, data: bytes = b"") -> None:
        """The proper end of a stream, with optional last data, in one write. Does nothing when already finished or gone."""
        if self.finished:
            return
        if not self.started:
            raise RuntimeError("response not started")
        self.finished = True
        if self.gone:
            return
        if self._head_only:
            data = b""
        elif self._chunked:
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else _LAST_CHUNK
        if self._held:
            data = self._held + data
            self._held = b""
        connection = self._connection
        if data:
            connection.outbox.write(connection.transport, data)
        connection.response_finished()

    def abort(self) -> None:
        """Close without a proper end, so that the client sees a truncated response (reset, or no last chunk)."""
        if self.finished or self.gone:
            return
        self.started = self.finished = True
        # Close-delimited, or the head not yet sent: a plain close would look like the end, only a reset does not.
        self._connection.response_aborted(reset=bool(self._held) or not self._chunked)
