"""What an upstream that is not trusted may answer, over real connections: whole and byte by byte."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from tests.contract.http.raw import eventually, listening

from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.client import HttpClient, Response, Timeouts, render_head
from phantom_gateway.wire.errors import BadResponse, ConnectionLost, ResponseTooLarge, Truncated, UpstreamError
from phantom_gateway.wire.origin import Origin

TIMEOUTS = Timeouts(connect_s=5, first_byte_s=5, stall_s=5, total_s=10)
OK = b"HTTP/1.1 200 OK\r\n"


@dataclass(frozen=True)
class Answer:
    """One scripted response: its bytes, then EOF if ``closes``; what the client makes of it."""

    name: str
    raw: bytes
    status: int = 200
    body: bytes = b""
    error: type[UpstreamError] | None = None
    reusable: bool = False
    closes: bool = False
    method: str = "GET"


def close_delimited(body: bytes) -> bytes:
    return b"HTTP/1.0 200 OK\r\n\r\n" + body


BOMB = gzip.compress(b"\0" * 30_000_000)
HELLO = gzip.compress(b"hello")


def with_length(body: bytes, *lines: bytes) -> bytes:
    return OK + b"".join(line + b"\r\n" for line in lines) + b"content-length: %d\r\n\r\n" % len(body) + body


ANSWERS = (
    Answer("plain", with_length(b"hello"), body=b"hello", reusable=True),
    Answer("chunked", OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", body=b"hello", reusable=True),
    Answer(
        "chunked with trailer",
        OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nset-cookie: a\r\n\r\n",
        body=b"hello",
        reusable=True,
    ),
    Answer("connection close", OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", body=b"hello"),
    Answer("close-delimited 1.0", close_delimited(b"hello"), body=b"hello", closes=True),
    Answer("close-delimited 1.1", OK + b"\r\nhello", body=b"hello", closes=True),
    Answer("empty", OK + b"content-length: 0\r\n\r\n", reusable=True),
    Answer(
        "redirect",
        b"HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/\r\ncontent-length: 0\r\n\r\n",
        302,
        reusable=True,
    ),
    Answer(
        "interim", b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + with_length(b"hello"), body=b"hello", reusable=True
    ),
    Answer("no reason phrase", b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello", body=b"hello", reusable=True),
    Answer("gzip", with_length(HELLO, b"content-encoding: gzip"), body=b"hello", reusable=True),
    Answer("gzip members", with_length(HELLO + HELLO, b"content-encoding: gzip"), body=b"hellohello", reusable=True),
    Answer("deflate", with_length(zlib.compress(b"hello"), b"content-encoding: deflate"), body=b"hello", reusable=True),
    Answer(
        "raw deflate",
        with_length(zlib.compress(b"hello")[2:-4], b"content-encoding: deflate"),
        body=b"hello",
        reusable=True,
    ),
    Answer("identity", with_length(b"hello", b"content-encoding: identity"), body=b"hello", reusable=True),
    Answer("unknown coding", with_length(b"hello", b"content-encoding: br"), error=BadResponse, reusable=True),
    Answer("damaged gzip", with_length(b"hello", b"content-encoding: gzip"), error=BadResponse, reusable=True),
    Answer("cut gzip", with_length(HELLO[:-4], b"content-encoding: gzip"), error=BadResponse, reusable=True),
    Answer("gzip bomb", with_length(BOMB, b"content-encoding: gzip"), error=ResponseTooLarge, reusable=True),
    Answer("CL and TE", OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", error=BadResponse),
    Answer("TE and CL", OK + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n", error=BadResponse),
    Answer("TE gzip, chunked", OK + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", error=BadResponse),
    Answer("two lengths", OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!", error=BadResponse),
    Answer("same length twice", OK + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", error=BadResponse),
    Answer("negative length", OK + b"content-length: -5\r\n\r\nhello", error=BadResponse),
    Answer("two status lines", OK + OK + b"content-length: 5\r\n\r\nhello", error=BadResponse),
    Answer("interim flood", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, error=BadResponse),
    Answer(
        "switching protocols",
        b"HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n",
        error=BadResponse,
    ),
    Answer("header of 1 MB", OK + b"x: " + b"a" * 1_000_000 + b"\r\n\r\n", error=BadResponse),
    Answer("header of 100 KB", OK + b"x: " + b"a" * 100_000 + b"\r\ncontent-length: 0\r\n\r\n", error=BadResponse),
    Answer("1000 headers", OK + b"x: y\r\n" * 1000 + b"content-length: 0\r\n\r\n", error=BadResponse),
    Answer("length too long", OK + b"content-length: 9\r\n\r\nhello", error=Truncated, closes=True),
    Answer("length too short", OK + b"content-length: 3\r\n\r\nhello", body=b"hel"),
    Answer(
        "chunks without end", OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", error=Truncated, closes=True
    ),
    Answer("bad chunk", OK + b"transfer-encoding: chunked\r\n\r\nhello\r\n", error=BadResponse),
    Answer(
        "chunk extension flood",
        OK + b"transfer-encoding: chunked\r\n\r\n5;" + b"a" * 300_000 + b"\r\n",
        error=BadResponse,
    ),
    Answer(
        "bytes after the end",
        with_length(b"hello") + b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
        body=b"hello",
    ),
    Answer("garbage after the end", with_length(b"hello") + b"\0\0\0", body=b"hello"),
    Answer("204 with body", b"HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello", 204),
    Answer("204", b"HTTP/1.1 204 No Content\r\n\r\n", 204, reusable=True),
    Answer("304", b"HTTP/1.1 304 Not Modified\r\ncontent-length: 5\r\n\r\n", 304, reusable=True),
    Answer("chunked answer to HEAD", OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", method="HEAD"),
    Answer("answer to HEAD", OK + b"content-length: 5\r\n\r\n", method="HEAD"),
    Answer("nothing", b"", error=ConnectionLost, closes=True),
    Answer("half a head", b"HTTP/1.1 200 OK\r\ncontent-le", error=ConnectionLost, closes=True),
    Answer("not HTTP", b"SSH-2.0-OpenSSH_9.9\r\n", error=BadResponse),
    Answer("HTTP/2 version", b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n", error=BadResponse),
    Answer("status 99", b"HTTP/1.1 099 Odd\r\ncontent-length: 0\r\n\r\n", error=BadResponse),
    Answer("bare LF", b"HTTP/1.1 200 OK\ncontent-length: 0\n\n", error=BadResponse),
    Answer("folded header", OK + b"x: y\r\n z\r\ncontent-length: 0\r\n\r\n", error=BadResponse),
)


class Upstream:
    """Answers the n-th request of all its connections with the scripted bytes, the ones after with a clean answer."""

    def __init__(self, answer: Answer, *, bytewise: bool) -> None:
        self.answer = answer
        self.bytewise = bytewise and len(answer.raw) < 1000
        self.connections = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        first = self.connections == 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                raw = self.answer.raw if first else with_length(b"clean")
                for part in [raw[i : i + 1] for i in range(len(raw))] if self.bytewise else [raw]:
                    writer.write(part)
                    await writer.drain()
                    await asyncio.sleep(0)
                if first and self.answer.closes:
                    break
                first = False
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def upstream(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[Origin]:
    """An origin at which ``serve`` answers."""
    async with listening(serve) as port:
        yield Origin.of(Address(scheme="http", host="127.0.0.1", port=port, allow_private=("127.0.0.0/8",)))


class Collect:
    """A sink that keeps everything."""

    def __init__(self) -> None:
        self.body = b""

    def data(self, data: bytes, /) -> None:
        self.body += data


async def gone(client: HttpClient) -> None:
    """Wait until the surplus of a response has closed its connection (a byte still on its way cannot be known)."""
    await eventually(lambda: client.connections == 0)


async def fetch(client: HttpClient, origin: Origin, method: str = "GET") -> Response:
    return await client.request(origin, render_head(method, b"/x", origin.host_header, b"", None), b"", TIMEOUTS)


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.name)
async def test_read(answer: Answer, bytewise: bool) -> None:
    scripted = Upstream(answer, bytewise=bytewise)
    async with upstream(scripted) as origin:
        client = HttpClient()
        try:
            if answer.error is not None:
                with pytest.raises(answer.error) as caught:
                    await (await fetch(client, origin)).read(1_000_000)
                assert caught.value.sent
                assert caught.value.received == bool(answer.raw)
            else:
                response = await fetch(client, origin, answer.method)
                assert response.status == answer.status
                assert await response.read(1_000_000) == answer.body
            if not answer.reusable:
                await gone(client)
            again = await fetch(client, origin)
            assert await again.read(100) == (b"clean")
            if answer.error is None:
                assert again.reused == answer.reusable
            assert client.connections == 1
        finally:
            await client.close()


CODED = ("gzip", "gzip members", "deflate", "raw deflate", "gzip bomb", "damaged gzip", "cut gzip", "unknown coding")


@pytest.mark.parametrize("bytewise", [False, True], ids=["whole", "bytes"])
@pytest.mark.parametrize("answer", [each for each in ANSWERS if each.name not in CODED], ids=lambda answer: answer.name)
async def test_relay(answer: Answer, bytewise: bool) -> None:
    scripted = Upstream(answer, bytewise=bytewise)
    async with upstream(scripted) as origin:
        client = HttpClient()
        sink = Collect()
        try:
            if answer.error is not None:
                with pytest.raises(answer.error):
                    await (await fetch(client, origin)).relay(sink)
                if answer.error is Truncated:
                    assert sink.body == b"hello"
            else:
                await (await fetch(client, origin, answer.method)).relay(sink)
                assert sink.body == answer.body
            if not answer.reusable:
                await gone(client)
            assert await (await fetch(client, origin)).read(100) == b"clean"
        finally:
            await client.close()
