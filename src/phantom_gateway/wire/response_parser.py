"""HTTP/1.1 responses of upstreams that are not trusted, from bytes, without I/O.

``feed`` takes a read; afterwards ``pieces`` holds the body bytes it brought (the caller empties the list) and ``head_done``,
``complete`` and ``surplus`` say how far the response is. llhttp appends body bytes to ``pieces`` directly: no Python frame is
entered per chunk. Bounds: the head (with all interim responses) ``max_head`` bytes, chunk framing a share of its data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import httptools

from phantom_gateway.wire.errors import BadResponse

if TYPE_CHECKING:
    from phantom_gateway.wire.message import Headers

MAX_HEAD = 64 * 1024
MAX_HEADERS = 256
MAX_INTERIM = 8
"""1xx responses before the final one."""
FRAMING_FREE = 64 * 1024
FRAMING_SHARE = 16
"""Chunk sizes, extensions and trailers may take 64 KiB plus sixteen bytes per byte of data (one-byte chunks take five)."""
_FRAMING = frozenset((b"content-length", b"transfer-encoding"))
_BODILESS = frozenset((204, 304))


class _SurplusError(Exception):
    """llhttp began another message after the end of the response."""


class ResponseParser:
    """Parses one response after another on one connection; ``begin`` before each. After BadResponse it is used up."""

    __slots__ = (
        "_body_bytes", "_final", "_head_bytes", "_head_request", "_interim", "_llhttp", "_usual", "_wire_bytes",
        "complete", "head_done", "headers", "index", "keep_alive", "max_head", "on_body", "pieces", "started", "status",
        "surplus", "until_eof",
    )  # fmt: skip

    def __init__(self, max_head: int = MAX_HEAD) -> None:
        self.max_head = max_head
        self.pieces: list[bytes] = []
        self.on_body = self.pieces.append
        self._llhttp = httptools.HttpResponseParser(self)
        self.begin(head_request=False)

    def begin(self, *, head_request: bool) -> None:
        """Make ready for the next response; ``head_request``: it answers HEAD and has no body whatever it says."""
        self._head_request = head_request
        self._head_bytes = self._wire_bytes = self._body_bytes = 0
        self._interim = 0
        self._usual = False
        self._final = False
        self.headers: Headers = []
        self.index: dict[bytes, bytes] = {}
        self.status = 0
        self.started = False
        """At least one byte came."""
        self.head_done = False
        self.complete = False
        self.keep_alive = False
        self.until_eof = False
        """The body ends with the connection."""
        self.surplus = False
        """Bytes came after the end: the connection must not be used again."""

    def feed(self, data: bytes) -> None:
        """Take one read. Raises BadResponse; pieces parsed before the fault stay in ``pieces``."""
        self.started = True
        if self.complete:
            self.surplus = True
            return
        if not self.head_done:
            if not self._head_bytes:
                self._usual = data.startswith(b"HTTP/1.1 ")
            self._head_bytes += len(data)
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            raise BadResponse("upstream switched protocols") from None
        except httptools.HttpParserError as error:
            self._judge(error.__context__)
        if not self.head_done:
            if self._head_bytes > self.max_head:
                raise BadResponse("response head too large")
            return
        if self._head_request:
            # llhttp waits for the announced body, so it is no use for a further response
            self.complete = True
            self.keep_alive = False
            self.pieces.clear()
            return
        self._count(data)

    def eof(self) -> bool:
        """The connection ended: True when that completes the response."""
        if self.head_done and self.until_eof:
            self.complete = True
        return self.complete

    def _judge(self, cause: BaseException | None) -> None:
        """llhttp stopped: at surplus behind a complete response, else at a fault."""
        if not self.complete:
            raise cause if isinstance(cause, BadResponse) else BadResponse("malformed response") from None
        self.surplus = True

    def _count(self, data: bytes) -> None:
        """Hold the cost of framing against the data it brought."""
        self._wire_bytes += len(data)
        for piece in self.pieces:
            self._body_bytes += len(piece)
        if self._wire_bytes > FRAMING_FREE + self.max_head + FRAMING_SHARE * self._body_bytes and not self.complete:
            raise BadResponse("too much chunk framing for its data")

    # --- llhttp's callbacks

    def on_message_begin(self) -> None:
        """A status line begins."""
        if self.complete:
            raise _SurplusError

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, bounded by the read and judged when the head is whole; trailer fields are dropped."""
        if not self.head_done:
            self.headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """The blank line of an interim or the final head."""
        status = self._llhttp.get_status_code()
        if 100 <= status < 200:
            self._interim += 1
            if status == 101 or self._interim > MAX_INTERIM:
                raise BadResponse("upstream switched protocols" if status == 101 else "too many interim responses")
            self.headers = []
            return
        self._final = self.head_done = True
        self.status = status
        self._check_head(status)
        # a body announced where none may be is likely to follow: not into the next response
        announced = status in _BODILESS and status != 304 and self.index.get(b"content-length", b"0") != b"0"
        self.keep_alive = self._llhttp.should_keep_alive() and not self.until_eof and not announced

    def on_message_complete(self) -> None:
        """The end of an interim or the final response."""
        if self._final:
            self.complete = True

    def _check_head(self, status: int) -> None:
        # asking llhttp for the version formats it anew: not where the read began with the usual one
        usual = self._usual and not self._interim
        if not 200 <= status <= 599 or not (usual or self._llhttp.get_http_version() in {"1.1", "1.0"}):
            raise BadResponse("malformed status line")
        headers = self.headers
        size = sum([len(name) + len(value) + 4 for name, value in headers]) if self._head_bytes > self.max_head else 0
        if len(headers) > MAX_HEADERS or size > self.max_head:
            raise BadResponse("response head too large")
        index = self.index = dict(headers)
        if len(index) != len(headers):
            index = self.index = _first_values(headers)
        length = index.get(b"content-length")
        coding = index.get(b"transfer-encoding")
        if length is not None and not length.isdigit():
            raise BadResponse("ambiguous body framing")
        if coding is not None and coding.lower() != b"chunked":
            raise BadResponse("transfer coding not supported")
        if length is not None and coding is not None:
            raise BadResponse("ambiguous body framing")
        self.until_eof = length is None and coding is None and status not in _BODILESS and not self._head_request


def _first_values(headers: Headers) -> dict[bytes, bytes]:
    """Index of headers with repetitions; those of framing are refused."""
    index: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in _FRAMING and name in index:
            raise BadResponse("ambiguous body framing")
        index.setdefault(name, value)
    return index
