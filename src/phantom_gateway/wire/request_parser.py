"""HTTP/1.1 requests from bytes, without I/O: llhttp for the grammar of the head, own rules for everything it lets through.

Theory of operation: one parser per connection, one request at a time. ``feed`` takes whatever was read and returns a complete
``Request`` or None; what followed the request in the same read stays in ``rest`` and is fed again when the response is out
(pipelining depth 1). Bytes are given to llhttp piece by piece so that a piece never reaches beyond the current message:
the head up to its blank line, then exactly the body. Bodies are framed here (``Content-Length`` by slicing, chunked by
``ChunkedDecoder``) and llhttp sees the same bytes as a second opinion; where it disagrees the request is refused.

Bounds held at any time: the head ``max_target + max_header_bytes + 256`` bytes, the body ``max_body``, ``rest`` one read.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

import httptools

from phantom_gateway.wire.chunked import ChunkedDecoder
from phantom_gateway.wire.errors import BadRequest
from phantom_gateway.wire.message import Request

if TYPE_CHECKING:
    from phantom_gateway.spine.snapshot import HttpLimits

METHODS = {name.encode(): name for name in ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD")}
SINGLE = frozenset(
    (
        b"authorization", b"content-encoding", b"content-length", b"content-type", b"expect", b"host", b"transfer-encoding",
        b"x-api-key", b"api-key", b"x-goog-api-key", b"x-litellm-api-key",
    )
)  # fmt: skip
"""Headers whose repetition makes framing, identity or meaning ambiguous."""
_GUARDED = SINGLE | {
    b"connection",
    b"cookie",
    b"forwarded",
    b"te",
    b"trailer",
    b"upgrade",
    b"x-forwarded-for",
    b"x-real-ip",
}
_HOST = re.compile(rb"([A-Za-z0-9.\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_BROKEN_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})|%00|%0[aAdD]")
_HEAD_END = b"\r\n\r\n"
_PLAIN_LINE = b" HTTP/1.1\r\n"
"""The end of nearly every request line; asking llhttp for the version formats it anew."""
_REQUEST_LINE = 256
"""Room in the head for method, version and leading blank lines."""

_HEAD, _BODY = range(2)


class RequestParser:
    """Parses the requests of one connection. After a BadRequest the parser is used up: answer, close."""

    __slots__ = (
        "_body", "_body_left", "_chunks", "_good_host", "_good_target", "_head_bytes", "_head_done", "_head_limit", "_headers",
        "_keep_alive", "_limits", "_llhttp", "_message_done", "_request", "_state", "_strip", "_tail", "_target", "_underscore",
        "_upgrade", "_version", "peer", "rest", "scheme", "send_continue",
    )  # fmt: skip

    def __init__(self, limits: HttpLimits, peer: str = "", scheme: str = "http") -> None:
        self._limits = limits
        self._head_limit = limits.max_target + limits.max_header_bytes + _REQUEST_LINE
        self._llhttp = httptools.HttpRequestParser(self)
        self._good_host: bytes | None = None
        self._good_target: bytes | None = None
        self.peer = peer
        self.scheme = scheme
        self.rest = b""
        self._reset()

    def _reset(self) -> None:
        self._state = _HEAD
        self._headers: list[tuple[bytes, bytes]] = []
        self._target = b""
        self._head_bytes = 0
        self._tail = b""
        self._head_done = self._message_done = self._upgrade = self._strip = self._underscore = False
        self._keep_alive = False
        self._version = ""
        self._request: Request | None = None
        self._body: bytearray | None = None
        self._body_left = 0
        self._chunks: ChunkedDecoder | None = None
        self.send_continue = False

    @property
    def idle(self) -> bool:
        """True between requests: no byte of the next one has come."""
        return not self._head_bytes

    @property
    def in_body(self) -> bool:
        """True after a complete head while the body is awaited."""
        return self._state != _HEAD

    @property
    def opened(self) -> Request | None:
        """The request whose body is awaited, without it."""
        return self._request

    @property
    def path(self) -> bytes:
        """What has come of the path of this request, or between requests that of the last; may be any bytes."""
        target = self._good_target if self.idle else self._target
        return (target or b"").partition(b"?")[0]

    def feed(self, data: bytes) -> Request | None:
        """Take one read; return the request when it is complete, with its surplus bytes in ``rest``.

        Sets ``send_continue`` when the client waits for ``100 Continue``; whoever sends it clears the flag.
        Raises BadRequest; nothing of a refused request was returned before.
        """
        self.rest = b""
        position = 0
        if self._state == _HEAD:
            position = self._feed_head(data)
            if not self._head_done:
                if self._target and data.endswith(b"\n") and self._llhttp.get_http_version() == "0.0":
                    raise BadRequest(400, "HTTP version not supported")  # such a request has no blank line to wait for
                return None
            self._request = self._open_request()
            self.send_continue = self.send_continue and position == len(data)
        request = self._request
        chunks = self._chunks
        if request is None:
            raise BadRequest(400, "malformed request")
        position = (
            self._feed_body(request, data, position)
            if chunks is None
            else self._feed_chunks(request, chunks, data, position)
        )
        if self._state != _HEAD:
            return None
        if position != len(data):
            self.rest = data[position:]
        self._reset()
        return request

    # --- the head

    def _feed_head(self, data: bytes) -> int:
        """Give llhttp the head only; return the position after it (or after ``data`` when it is incomplete)."""
        position = 0
        size = len(data)
        limit = self._head_limit
        while position < size and not self._head_done:
            if self._tail:
                # the blank line may lie across two reads
                seam = (self._tail + data).find(_HEAD_END)
                end = seam + 4 - len(self._tail) if seam >= 0 else size
            else:
                end = data.find(_HEAD_END, position) + 4
                if end < 4:
                    end = size
            self._head_bytes += end - position
            if self._head_bytes > limit:
                # llhttp first: a limit it notices itself (target, one line) has the better status
                self._execute(data[position : position + limit])
                raise BadRequest(431, "request head too large")
            part = data if end == size and not position else data[position:end]
            if self._head_bytes == len(part) and part.startswith(_PLAIN_LINE, part.find(b"\n") - 10):
                self._version = "1.1"
            whole = self._execute(part)
            # values keep trailing blanks; a line end seen across two reads is assumed to follow one
            # ``find``, not ``in``: the latter first tries its operand as a number, which costs an exception each time
            find = part.find
            self._strip = self._strip or not whole or find(b" \r\n") >= 0 or find(b"\t\r\n") >= 0
            self._underscore = self._underscore or find(b"_") >= 0
            if not whole:
                self._tail = (self._tail + data)[-3:] if end == size else b""
            position = end
        return position

    def _execute(self, data: bytes) -> bool:
        """Feed llhttp; whether the head is complete now."""
        try:
            self._llhttp.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._upgrade = True
        except httptools.HttpParserCallbackError as error:
            if isinstance(error.__context__, BadRequest):
                raise error.__context__ from None
            raise BadRequest(400, "malformed request") from None
        except httptools.HttpParserError:
            raise BadRequest(400, "malformed request") from None
        return self._head_done

    def on_url(self, part: bytes) -> None:
        """llhttp: a piece of the target."""
        self._target += part
        if len(self._target) > self._limits.max_target:
            raise BadRequest(414, "request target too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """llhttp: one header field, or a trailer field, which is dropped. Bounded by the head's size, judged when it is whole."""
        if not self._head_done:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """llhttp: the blank line."""
        self._head_done = True
        # llhttp forgets its flags at the end of the message, which for most requests is now
        self._keep_alive = self._llhttp.should_keep_alive()

    def on_message_complete(self) -> None:
        """llhttp: the end of the body."""
        self._message_done = True

    # --- the rules for a complete head

    def _open_request(self) -> Request:
        """Check the head, choose the framing and build the request without its body."""
        llhttp = self._llhttp
        method = METHODS.get(llhttp.get_method())
        if method is None:
            raise BadRequest(405, "method not allowed")
        version = self._version or llhttp.get_http_version()
        if version not in {"1.1", "1.0"}:
            raise BadRequest(400 if version == "0.9" else 505, "HTTP version not supported")
        if self._target != self._good_target:
            _check_target(self._target)
            self._good_target = self._target
        special = self._index_headers()
        self._check_host(special.get(b"host"), version)
        length = self._choose_framing(special, version)
        request = Request(method, self._target, self._headers, b"", special)
        request.peer = self.peer
        request.scheme = self.scheme
        request.keep_alive = self._keep_alive
        request.version_10 = version == "1.0"
        expect = special.get(b"expect")
        if expect is not None:
            if expect.lower() != b"100-continue":
                raise BadRequest(417, "expectation not supported")
            self.send_continue = version == "1.1" and (length > 0 or self._chunks is not None)
        return request

    def _index_headers(self) -> dict[bytes, bytes]:
        """Check sizes, repetitions and names; return the first value by name."""
        headers = self._headers
        limits = self._limits
        if len(headers) > limits.max_headers:
            raise BadRequest(431, "too many request headers")
        if self._strip:
            self._headers = headers = [(name, value.rstrip(b" \t")) for name, value in headers]
        if self._head_bytes > limits.max_header_line or self._head_bytes > limits.max_header_bytes:
            sizes = [len(name) + len(value) + 4 for name, value in headers]
            if max(sizes, default=0) > limits.max_header_line or sum(sizes) > limits.max_header_bytes:
                raise BadRequest(431, "request headers too large")
        index = dict(headers)
        if len(index) != len(headers):
            index = _first_values(headers)
        if self._underscore and any(b"_" in name and name.replace(b"_", b"-") in _GUARDED for name in index):
            raise BadRequest(400, "header name with underscore")
        return index

    def _check_host(self, host: bytes | None, version: str) -> None:
        if host is None:
            if version == "1.1":
                raise BadRequest(400, "host header missing")
            if self._limits.allowed_hosts:
                raise BadRequest(421, "host not served here")
            return
        if host == self._good_host:
            return
        match = _HOST.fullmatch(host)
        if match is None:
            raise BadRequest(400, "malformed host header")
        allowed = self._limits.allowed_hosts
        if allowed and match[1].decode("ascii").lower().rstrip(".") not in allowed:
            raise BadRequest(421, "host not served here")
        self._good_host = host

    def _choose_framing(self, special: dict[bytes, bytes], version: str) -> int:
        """Set the state for the body; return its announced length (0 when chunked or none)."""
        coding = special.get(b"transfer-encoding")
        length = special.get(b"content-length")
        if coding is not None:
            if length is not None or version == "1.0":
                raise BadRequest(400, "ambiguous body framing")
            if coding.lower() != b"chunked":
                raise BadRequest(501, "transfer coding not supported")
            self._chunks = ChunkedDecoder(self._limits.max_body)
            self._state = _BODY
            return 0
        self._state = _BODY
        if length is None:
            return 0
        if not length.isdigit():
            raise BadRequest(400, "malformed content-length")
        if len(length) > 18 or int(length) > self._limits.max_body:
            raise BadRequest(413, "request body too large")
        self._body_left = int(length)
        return self._body_left

    # --- the body

    def _feed_body(self, request: Request, data: bytes, position: int) -> int:
        left = self._body_left
        if left:
            part = data[position : position + left]
            if part:
                self._second_opinion(part)
                position += len(part)
                self._body_left = left = left - len(part)
                if self._body is not None:
                    self._body += part
                elif left:
                    self._body = bytearray(part)
                else:
                    request.body = part
            if left:
                return position
            if self._body is not None:
                request.body = bytes(self._body)
        self._end()
        return position

    def _feed_chunks(self, request: Request, chunks: ChunkedDecoder, data: bytes, position: int) -> int:
        if position == len(data):
            return position
        end = chunks.feed(data, position)
        self._second_opinion(data[position:end])
        if chunks.done:
            request.body = bytes(chunks.body)
            self._end()
        return end

    def _second_opinion(self, part: bytes) -> None:
        # With an Upgrade header httptools takes the message to end at its head and would read the body as a request.
        if not self._upgrade:
            self._execute(part)

    def _end(self) -> None:
        if not self._message_done:
            raise BadRequest(400, "malformed request")
        self._state = _HEAD


def _first_values(headers: list[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Index of headers with repetitions, of which some are refused."""
    index: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in SINGLE and name in index:
            raise BadRequest(400, f"header {name.decode('latin-1')} repeated")
        index.setdefault(name, value)
    return index


def _check_target(target: bytes) -> None:
    """Origin-form only; no fragment, no escaped control byte, no dot segment after decoding."""
    if not target.startswith(b"/"):
        raise BadRequest(400, "request target must begin with /")
    if b"#" in target:
        raise BadRequest(400, "fragment in request target")
    path = target.partition(b"?")[0]
    if b"%" in target:
        if _BROKEN_ESCAPE.search(target):
            raise BadRequest(400, "malformed escape in request target")
        path = unquote_to_bytes(path)
    if b"/." in path and (b"/./" in path or b"/../" in path or path.endswith((b"/.", b"/.."))):
        raise BadRequest(400, "dot segment in request target")
