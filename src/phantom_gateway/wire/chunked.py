"""The chunked coding of request bodies (RFC 9112 section 7.1), decoded strictly and without I/O.

llhttp parses chunks too, but its Python binding tells neither where a message ended inside a read nor how long chunk
extensions were. This decoder gives both; the parser feeds the same bytes to llhttp, and both must agree.
"""

from __future__ import annotations

import re

from phantom_gateway.wire.errors import BadRequest

OVERHEAD_FREE = 1024
OVERHEAD_SHARE = 4
"""Framing (sizes, extensions, line ends, trailers) may take 1 KiB plus a quarter of the data."""

_SIZE_LINE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t\x20-\x7e\x80-\xff]*)?\r\n")
_TRAILER_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[\t\x20-\x7e\x80-\xff]*\r\n")

_SIZE, _DATA, _DATA_END, _TRAILERS = range(4)


class ChunkedDecoder:
    """Feed bytes, read ``body`` when ``done``. Trailers are checked for form and dropped: they must not become headers."""

    __slots__ = ("_left", "_line", "_overhead", "_state", "body", "done", "limit")

    def __init__(self, limit: int) -> None:
        self.body = bytearray()
        self.done = False
        self.limit = limit
        self._state = _SIZE
        self._left = 0
        self._line = b""
        self._overhead = 0

    def feed(self, data: bytes, position: int) -> int:
        """Decode from ``position``; return where decoding stopped: the end of ``data``, or of the message when ``done``.

        Raises BadRequest: 400 for malformed framing or too much of it, 413 when the body grows over the limit.
        """
        size = len(data)
        while position < size and not self.done:
            if self._state == _DATA:
                end = min(position + self._left, size)
                self.body += data[position:end]
                self._left -= end - position
                position = end
                if not self._left:
                    self._state = _DATA_END
                continue
            end = data.find(b"\n", position) + 1
            stop = end or size
            self._line += data[position:stop]
            self._count(stop - position)
            position = stop
            if end:
                self._take_line(self._line)
                self._line = b""
        return position

    def _count(self, framing: int) -> None:
        self._overhead += framing
        if self._overhead > OVERHEAD_FREE + len(self.body) // OVERHEAD_SHARE:
            raise BadRequest(400, "too much chunk framing for its data")

    def _take_line(self, line: bytes) -> None:
        if self._state == _DATA_END:
            if line != b"\r\n":
                raise BadRequest(400, "chunk longer than its size")
            self._state = _SIZE
        elif self._state == _TRAILERS:
            if line == b"\r\n":
                self.done = True
            elif not _TRAILER_LINE.fullmatch(line):
                raise BadRequest(400, "malformed trailer")
        else:
            match = _SIZE_LINE.fullmatch(line)
            if match is None:
                raise BadRequest(400, "malformed chunk size")
            self._left = int(match[1], 16)
            if len(self.body) + self._left > self.limit:
                raise BadRequest(413, "request body too large")
            self._state = _DATA if self._left else _TRAILERS
