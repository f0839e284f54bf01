"""Content codings of bodies, whole or as they come, without trusting what they expand to."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from phantom_gateway.wire.errors import BadResponse, ResponseTooLarge

if TYPE_CHECKING:
    from collections.abc import Iterator

RATIO_FREE = 1024 * 1024
MAX_RATIO = 200
"""A body may expand to 1 MiB freely, beyond that to 200 times its size (text compresses to a tenth, a bomb to a thousandth)."""

MAX_MEMBERS = 1000
_ZLIB_HEAD = 2


def decode_body(body: bytes, coding: bytes | None, limit: int) -> bytes:
    """``body`` decoded from ``content-encoding``: gzip, x-gzip, deflate (zlib or raw), identity or none.

    Raises ResponseTooLarge over ``limit`` or the ratio, BadResponse for damage or another coding.
    """
    name = (coding or b"").strip().lower()
    if name in {b"", b"identity"} or not body:
        return body
    bound = min(limit, max(RATIO_FREE, len(body) * MAX_RATIO))
    try:
        if name in {b"gzip", b"x-gzip"}:
            return _inflate(body, 16 + zlib.MAX_WBITS, bound)
        if name == b"deflate":
            try:
                return _inflate(body, zlib.MAX_WBITS, bound)
            except zlib.error:
                return _inflate(body, -zlib.MAX_WBITS, bound)
    except zlib.error:
        raise BadResponse("damaged content-encoding", sent=True, received=True) from None
    raise BadResponse("content-encoding not understood", sent=True, received=True)


class Inflater:
    """A coded body decoded piece by piece, for answers that are read while they are written.

    Raises BadResponse for a coding that is not understood.
    """

    __slots__ = ("_bound", "_came", "_head", "_machine", "_members", "_window")

    def __init__(self, coding: bytes) -> None:
        name = coding.strip().lower()
        if name not in {b"gzip", b"x-gzip", b"deflate"}:
            raise BadResponse("content-encoding not understood", sent=True, received=True)
        self._window = zlib.MAX_WBITS if name == b"deflate" else 16 + zlib.MAX_WBITS
        self._machine = zlib.decompressobj(self._window)
        self._head = b""
        self._came = 0
        self._bound = RATIO_FREE
        self._members = 0

    def feed(self, data: bytes) -> bytes:
        """What can be decoded by now. Raises ResponseTooLarge over the ratio, BadResponse for damage."""
        self._came += len(data)
        self._bound += len(data) * MAX_RATIO
        if self._window == zlib.MAX_WBITS and self._came < _ZLIB_HEAD + len(data):
            data = self._begin(data)
        try:
            return b"".join(self._parts(data))
        except zlib.error:
            raise BadResponse("damaged content-encoding", sent=True, received=True) from None

    def _parts(self, data: bytes) -> Iterator[bytes]:
        while data:
            part = self._machine.decompress(data, self._bound + 1)
            self._bound -= len(part)
            if self._bound < 0:
                raise ResponseTooLarge("response body too large when decoded", sent=True, received=True)
            yield part
            if not self._machine.eof:
                return
            data = self._machine.unused_data
            self._members += 1
            if self._members > MAX_MEMBERS:
                raise zlib.error("too many members")
            self._machine = zlib.decompressobj(self._window)

    def _begin(self, data: bytes) -> bytes:
        """``deflate`` is meant to have zlib's head (RFC 9110, 8.4.1.2), and often has none: its two bytes tell."""
        self._head += data
        if len(self._head) < _ZLIB_HEAD:
            return b""
        head, self._head = self._head, b""
        if head[0] & 0x0F != zlib.DEFLATED or int.from_bytes(head[:_ZLIB_HEAD], "big") % 31:
            self._window = -zlib.MAX_WBITS
            self._machine = zlib.decompressobj(self._window)
        return head


def _inflate(body: bytes, window: int, bound: int) -> bytes:
    parts: list[bytes] = []
    room = bound
    while body:
        machine = zlib.decompressobj(window)
        part = machine.decompress(body, room + 1)
        room -= len(part)
        if room < 0:
            raise ResponseTooLarge("response body too large when decoded", sent=True, received=True)
        parts.append(part)
        if not machine.eof:
            raise zlib.error("incomplete stream")
        # gzip allows several members one after the other; empty ones must not spin for long
        body = machine.unused_data if window > zlib.MAX_WBITS else b""
        if len(parts) > MAX_MEMBERS:
            raise zlib.error("too many members")
    return b"".join(parts)
