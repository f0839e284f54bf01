"""Content codings of bounded bodies, without trusting what they expand to."""

from __future__ import annotations

import zlib

from phantom_gateway.wire.errors import BadResponse, ResponseTooLarge

RATIO_FREE = 1024 * 1024
MAX_RATIO = 200
"""A body may expand to 1 MiB freely, beyond that to 200 times its size (text compresses to a tenth, a bomb to a thousandth)."""


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
        if len(parts) > 1000:
            raise zlib.error("too many members")
    return b"".join(parts)
