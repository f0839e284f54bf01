"""What the server hands to a handler, and how header blocks are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    Headers = list[tuple[bytes, bytes]]

FRAMING_HEADERS = frozenset(
    (
        b"connection",
        b"content-length",
        b"date",
        b"keep-alive",
        b"server",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    )
)
"""Names this layer writes itself or never forwards: they belong to one connection, not to the message."""


class Request:
    """One complete request: the parser has checked head and framing, the body is whole and bounded.

    ``path`` and ``query`` are the raw target split at the first ``?``, never rebuilt from ``Host``. ``headers`` have
    lower-case names in the order received; ``content-length``, ``host``, ``authorization`` and the like occur once at most.
    ``peer`` is the client's IP address, ``unix`` on a unix socket. ``scheme`` is ``http`` or ``https``.
    """

    __slots__ = ("_index", "body", "headers", "keep_alive", "method", "path", "peer", "query", "scheme", "version_10")

    def __init__(
        self, method: str, target: bytes, headers: Headers, body: bytes, index: dict[bytes, bytes] | None = None
    ) -> None:
        self.method = method
        self.path, _, self.query = target.partition(b"?")
        self.headers = headers
        self.body = body
        self.peer = ""
        self.scheme = "http"
        self.keep_alive = True
        self.version_10 = False
        self._index = index

    def index(self) -> dict[bytes, bytes]:
        """The first value of every header by lower-case name."""
        index = self._index
        if index is None:
            index = self._index = dict(reversed(self.headers))
        return index

    def get(self, name: bytes) -> bytes | None:
        """The first value of header ``name`` (lower case), or None."""
        index = self._index
        if index is None:
            index = self._index = dict(reversed(self.headers))
        return index.get(name)

    def __repr__(self) -> str:
        return f"Request({self.method} {self.path!r}, {len(self.body)} bytes)"


def header_block(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Render headers as ``name: value`` lines, leaving out what this layer writes itself (``FRAMING_HEADERS``, ``host``).

    Raises ValueError when a name or value carries a line break, a NUL, or a name is not a name.
    """
    lines = [b"%b: %b\r\n" % pair for pair in headers if pair[0].lower() not in FRAMING_HEADERS]
    block = b"".join(lines)
    if block.count(b"\r") != len(lines) or block.count(b"\n") != len(lines) or b"\0" in block:
        raise ValueError("line break or NUL in a header")
    if block.startswith((b":", b" ", b"\t")) or b"\n:" in block or b"\n " in block or b"\n\t" in block:
        raise ValueError("empty or blank header name")
    return block


def check_block(block: bytes) -> bytes:
    """Give ``block`` back when it is a rendered header block: whole lines, no blank line, no bare CR or LF; else ValueError."""
    lines = block.count(b"\r\n")
    whole = not block or (block.endswith(b"\r\n") and not block.startswith(b"\r\n"))
    if (
        not whole
        or block.count(b"\r") != lines
        or block.count(b"\n") != lines
        or b"\r\n\r\n" in block
        or b"\0" in block
    ):
        raise ValueError("malformed header block")
    return block


def render_head(method: str, target: bytes, host: bytes, block: bytes, content_length: int | None) -> bytes:
    """A complete HTTP/1.1 request head for ``HttpClient.request``.

    ``block`` is a header block (see ``header_block``) without ``host`` and framing headers. ``content_length`` None means
    that no length is sent (GET). Raises ValueError for anything that could end a line early.
    """
    if not method.isalpha() or not method.isascii() or not method.isupper():
        raise ValueError("malformed method")
    if not target.startswith(b"/") or not _is_token_text(target) or not host or not _is_token_text(host):
        raise ValueError("malformed target or host")
    check_block(block)
    if content_length is None:
        return b"%b %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (method.encode(), target, host, block)
    return b"%b %b HTTP/1.1\r\nhost: %b\r\n%bcontent-length: %d\r\n\r\n" % (
        method.encode(),
        target,
        host,
        block,
        content_length,
    )


_VISIBLE = bytes(range(0x21, 0x7F))


def _is_token_text(value: bytes) -> bool:
    """Visible ASCII only: no space, no control character."""
    return not value.translate(None, _VISIBLE)
