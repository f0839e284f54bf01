"""An answer as bytes in pieces, and how to bring it to the peer. Pure data: ``connection`` plays it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

JOIN_LIMIT = 256 * 1024
SSE = b"text/event-stream; charset=utf-8"
JSON = b"application/json"
REASONS = {
    200: "OK", 204: "No Content", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 402: "Payment Required",
    403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed", 408: "Request Timeout", 413: "Content Too Large",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable", 529: "Overloaded",
}  # fmt: skip


class End(enum.Enum):
    """What happens to the connection after the last piece."""

    KEEP = "keep"
    CLOSE = "close"
    RESET = "reset"
    HOLD = "hold"


@dataclass(frozen=True, slots=True)
class Bill:
    """The tokens a complete answer costs. ``completion`` includes ``reasoning``, ``prompt`` includes ``cached`` and what
    is written to the cache, for five minutes and for an hour.
    """

    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    written: int = 0
    written_1h: int = 0


FREE = Bill()


@dataclass(frozen=True, slots=True)
class Piece:
    """Bytes of one write and the completion tokens that are in them."""

    data: bytes
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Script:
    """Pieces to write ``pace_ms`` apart, the first after ``first_ms``, then ``end``.

    ``whole`` says that the peer got a complete answer; a script that breaks off on purpose is not whole.
    """

    pieces: tuple[Piece, ...]
    bill: Bill = FREE
    first_ms: float = 0
    pace_ms: float = 0
    end: End = End.KEEP
    whole: bool = True

    def joined(self) -> Script:
        """The same with one piece when nothing separates the pieces and they are not large."""
        if self.pace_ms or len(self.pieces) < 2 or sum(len(piece.data) for piece in self.pieces) > JOIN_LIMIT:
            return self
        one = Piece(b"".join(piece.data for piece in self.pieces), sum(piece.tokens for piece in self.pieces))
        return Script((one,), self.bill, self.first_ms, 0, self.end, self.whole)


def head(status: int, *fields: bytes, version: bytes = b"HTTP/1.1") -> bytes:
    """Status line and header block with the blank line; ``fields`` without their line ends."""
    line = version + b" %d %s" % (status, REASONS[status].encode())
    return b"\r\n".join((line, b"server: phantom-simulator", *fields, b"", b""))


def plain(status: int, body: bytes, content_type: bytes = JSON, *fields: bytes) -> bytes:
    """A whole response with its length."""
    return head(status, b"content-type: " + content_type, b"content-length: %d" % len(body), *fields) + body


def framed(data: bytes) -> bytes:
    """One chunk of the chunked coding (RFC 9112 section 7.1)."""
    return b"%x\r\n%s\r\n" % (len(data), data)


LAST_CHUNK = b"0\r\n\r\n"
