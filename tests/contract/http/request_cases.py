"""The seventy request cases: raw bytes a stranger may send and what the strict policy answers.

Numbers are those of the design's table. ``statuses`` are the statuses allowed; a case with ``accepted`` reaches the handler
once and the connection stays usable, all others are refused and the connection closes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One case. ``eof``: the client closes its writing side after the bytes."""

    number: int
    name: str
    raw: bytes
    statuses: tuple[int, ...] = (400,)
    accepted: bool = False
    eof: bool = False
    body: bytes = b""
    """What the handler must have seen as the body, when accepted."""


def post(*lines: bytes, body: bytes = b"", target: bytes = b"/v1", version: bytes = b"HTTP/1.1") -> bytes:
    """A POST with a host and the given header lines."""
    return b"\r\n".join((b"POST " + target + b" " + version, b"Host: localhost", *lines, b"", b"")) + body


def get(target: bytes = b"/v1", *lines: bytes, host: bytes = b"Host: localhost", method: bytes = b"GET") -> bytes:
    """A GET with the given target and header lines."""
    return b"\r\n".join((method + b" " + target + b" HTTP/1.1", host, *lines, b"", b""))


def chunked(body: bytes) -> bytes:
    """A chunked POST with ``body`` as the raw chunks."""
    return post(b"Transfer-Encoding: chunked", body=body)


CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
TE = b"Transfer-Encoding: chunked"

CASES = (
    Case(1, "CL+TE both", post(b"Content-Length: 5", TE, body=CHUNKS)),
    Case(2, "TE then CL", post(TE, b"Content-Length: 5", body=CHUNKS)),
    Case(3, "dup CL differ", post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello")),
    Case(4, "dup CL same", post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello")),
    Case(5, "CL comma list", post(b"Content-Length: 5, 5", body=b"hello")),
    Case(6, "CL +5", post(b"Content-Length: +5", body=b"hello")),
    Case(7, "CL -1", post(b"Content-Length: -1", body=b"hello")),
    Case(8, "CL 0x5", post(b"Content-Length: 0x5", body=b"hello")),
    Case(9, "CL 1_0", post(b"Content-Length: 1_0", body=b"hellohello")),
    Case(10, "CL '1 0'", post(b"Content-Length: 1 0", body=b"hellohello")),
    Case(11, "CL empty", post(b"Content-Length:", body=b"")),
    Case(12, "CL 2^64+5", post(b"Content-Length: 18446744073709551621", body=b"hello"), (400, 413)),
    Case(13, "CL 999999999999 no body", post(b"Content-Length: 999999999999"), (413,)),
    Case(14, "CL arabic digits", post("Content-Length: \u0665".encode(), body=b"hello")),
    Case(15, "CL superscript latin1", post(b"Content-Length: \xb2", body=b"he")),
    Case(16, "TE xchunked", post(b"Transfer-Encoding: xchunked", body=CHUNKS), (400, 501)),
    Case(17, "TE chunked, identity", post(b"Transfer-Encoding: chunked, identity", body=CHUNKS), (400, 501)),
    Case(18, "TE gzip, chunked", post(b"Transfer-Encoding: gzip, chunked", body=CHUNKS), (501,)),
    Case(19, "TE chunked twice", post(TE, TE, body=CHUNKS)),
    Case(20, "TE \\x0bchunked", post(b"Transfer-Encoding: \x0bchunked", body=CHUNKS)),
    Case(21, "TE space before colon", post(b"Transfer-Encoding : chunked", body=CHUNKS)),
    Case(22, "TE obs-fold", post(b"Transfer-Encoding:\r\n chunked", body=CHUNKS)),
    Case(23, "TE in HTTP/1.0", post(TE, body=CHUNKS, version=b"HTTP/1.0")),
    Case(24, "TE empty", post(b"Transfer-Encoding:", body=CHUNKS), (400, 501)),
    Case(25, "Transfer_Encoding header", post(b"Transfer_Encoding: chunked", b"Content-Length: 5", body=b"hello")),
    Case(26, "chunk 0x5", chunked(b"0x5\r\nhello\r\n0\r\n\r\n")),
    Case(27, "chunk +5", chunked(b"+5\r\nhello\r\n0\r\n\r\n")),
    Case(28, "chunk -5", chunked(b"-5\r\nhello\r\n0\r\n\r\n")),
    Case(29, "chunk 1_0", chunked(b"1_0\r\nhellohellohello!\r\n0\r\n\r\n")),
    Case(30, "chunk leading space", chunked(b" 5\r\nhello\r\n0\r\n\r\n")),
    Case(31, "chunk bare LF after size", chunked(b"5\nhello\r\n0\r\n\r\n")),
    Case(32, "chunk data w/o CRLF", chunked(b"5\r\nhelloXX0\r\n\r\n")),
    Case(33, "chunk longer than size", chunked(b"3\r\nhello\r\n0\r\n\r\n")),
    Case(34, "chunk size overflow", chunked(b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n")),
    Case(35, "chunk ext 64KB", chunked(b"5;" + b"a" * 65536 + b"\r\nhello\r\n0\r\n\r\n")),
    Case(36, "chunk ext bare CR", chunked(b"5;a\rb\r\nhello\r\n0\r\n\r\n")),
    Case(
        37,
        "trailer Authorization",
        chunked(b"5\r\nhello\r\n0\r\nAuthorization: Bearer x\r\n\r\n"),
        (200,),
        accepted=True,
        body=b"hello",
    ),
    Case(38, "bare LF header", b"GET /v1 HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n"),
    Case(39, "bare CR in value", get(b"/v1", b"X: a\rb")),
    Case(40, "NUL in value", get(b"/v1", b"X: a\0b")),
    Case(41, "ctl 0x01 in value", get(b"/v1", b"X: a\x01b")),
    Case(42, "no colon line", get(b"/v1", b"nonsense")),
    Case(43, "empty header name", get(b"/v1", b": x")),
    Case(44, "space in header name", get(b"/v1", b"X Y: x")),
    Case(45, "leading SP first header", b"GET /v1 HTTP/1.1\r\n Host: localhost\r\n\r\n"),
    Case(46, "no Host 1.1", b"GET /v1 HTTP/1.1\r\nX: y\r\n\r\n"),
    Case(47, "two Host", get(b"/v1", b"Host: other")),
    Case(48, "Host a/?x=", get(host=b"Host: a/?x=")),
    Case(49, "absolute-form other host", get(b"http://evil.example/v1"), (400, 421)),
    Case(50, "target w/o slash", get(b"v1")),
    Case(51, "version 2.0", b"GET /v1 HTTP/2.0\r\nHost: localhost\r\n\r\n", (400, 505)),
    Case(52, "HTTP/0.9", b"GET /v1\r\n"),
    Case(53, "h2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    Case(54, "NUL in target", get(b"/v1\0x")),
    Case(55, "SP in target", get(b"/v1 x")),
    Case(56, "non-ascii target", get("/v1é".encode())),
    Case(57, "fragment in target", get(b"/v1#x")),
    Case(58, "CONNECT", get(b"evil.example:443", method=b"CONNECT"), (405, 501)),
    Case(59, "TRACE", get(method=b"TRACE"), (405, 501)),
    Case(
        60,
        "GET with body prefix",
        get(b"/v1", b"Content-Length: 23") + b"GET /smuggled HTTP/1.1\r",
        (200,),
        accepted=True,
        body=b"GET /smuggled HTTP/1.1\r",
    ),
    Case(
        61,
        "Expect 100 + CL",
        post(b"Expect: 100-continue", b"Content-Length: 5", body=b"hello"),
        (200,),
        accepted=True,
        body=b"hello",
    ),
    Case(62, "Expect unknown", post(b"Expect: 200-maybe", b"Content-Length: 5", body=b"hello"), (417,)),
    Case(
        63,
        "Upgrade h2c",
        get(
            b"/v1", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"
        ),
        (200,),
        accepted=True,
    ),
    Case(64, "10000 headers", get(b"/v1", *(b"X%d: y" % i for i in range(10000))), (431,)),
    Case(65, "100KB header value", get(b"/v1", b"X: " + b"a" * 102400), (431,)),
    Case(66, "100KB target", get(b"/" + b"a" * 102400), (414,)),
    Case(67, "CL body short + EOF", post(b"Content-Length: 9", body=b"hello"), (408, 400), eof=True),
    Case(68, "chunked no final + EOF", chunked(b"5\r\nhello\r\n"), (408, 400), eof=True),
    Case(69, "dup Authorization", get(b"/v1", b"Authorization: Bearer a", b"Authorization: Bearer b")),
    Case(70, "binary garbage", bytes(range(128, 256)) * 4 + b"\r\n\r\n"),
    # beyond the table
    Case(71, "lower-case http version", b"GET /v1 http/1.1\r\nHost: localhost\r\n\r\n", (400, 505)),
    Case(
        72,
        "Upgrade h2c with a body that is a request",
        post(b"Connection: Upgrade", b"Upgrade: h2c", b"Content-Length: 23", body=b"GET /smuggled HTTP/1.1\r"),
        (200,),
        accepted=True,
        body=b"GET /smuggled HTTP/1.1\r",
    ),
    Case(
        73,
        "Upgrade h2c with chunks",
        post(b"Connection: Upgrade", b"Upgrade: h2c", TE, body=CHUNKS),
        (200,),
        accepted=True,
        body=b"hello",
    ),
    Case(74, "dot segments", get(b"/v1/%2e%2E/admin")),
    Case(75, "escaped NUL", get(b"/v1/%00")),
    Case(76, "escaped line end in query", get(b"/v1?a=%0d%0aX:y")),
    Case(77, "one-byte chunks", chunked(b"1\r\na\r\n" * 2000 + b"0\r\n\r\n")),
    Case(78, "trailer flood", chunked(b"5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 1000 + b"\r\n")),
    Case(79, "chunked over the body limit", chunked(b"2000001\r\n"), (413,)),
    Case(80, "dup x-api-key", get(b"/v1", b"X-Api-Key: a", b"X-API-KEY: b")),
    Case(81, "X_Api_Key beside", get(b"/v1", b"X_Api_Key: a")),
    Case(82, "asterisk target", get(b"*", method=b"OPTIONS")),
    Case(83, "blank line flood", b"\r\n" * 40000, (431, 400)),
    Case(84, "empty Host", get(host=b"Host:")),
    Case(85, "empty Host, 1.0", b"GET /v1 HTTP/1.0\r\nHost: \r\nConnection: keep-alive\r\n\r\n"),
)
