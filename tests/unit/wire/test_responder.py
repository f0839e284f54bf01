"""How answers are framed, and back-pressure towards the client."""

from __future__ import annotations

import asyncio

from tests.contract.http.raw import eventually, serving, talk

from phantom_gateway.wire.message import Request
from phantom_gateway.wire.responder import Responder

GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def test_head_and_http10() -> None:
    async def handler(request: Request, responder: Responder) -> None:
        if request.path == b"/stream":
            responder.start(200, [])
            responder.write(b"one")
            responder.finish(b"two")
        else:
            responder.send(200, [(b"x-a", b"1"), (b"server", b"secret"), (b"connection", b"odd")], b"body")

    async with serving(handler) as (_, port):
        got, closed = await talk(port, [b"HEAD / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])
        assert closed
        assert b"content-length: 4\r\n" in got
        assert got.endswith(b"\r\n\r\n")
        assert b"secret" not in got
        assert b"odd" not in got
        got, closed = await talk(port, [b"HEAD /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"])
        assert got.endswith(b"\r\n\r\n")
        got, closed = await talk(port, [b"GET /stream HTTP/1.0\r\n\r\n"])
        assert closed
        assert got.endswith(b"\r\n\r\nonetwo")
        assert b"transfer-encoding" not in got
        got, closed = await talk(port, [b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"], until=b"body")
        assert not closed
        assert b"connection: keep-alive" in got


async def test_stream_is_chunked_and_head_leaves_with_first_data() -> None:
    async def handler(_request: Request, responder: Responder) -> None:
        responder.start(200, b"content-type: text/event-stream\r\n")
        await asyncio.sleep(0.01)
        assert responder.write(b"data: 1\n\n")
        assert responder.write(b"")
        responder.finish(b"data: 2\n\n")

    async with serving(handler) as (_, port):
        got, closed = await talk(port, [GET], until=b"0\r\n\r\n")
        assert not closed
        assert got.endswith(b"\r\n\r\n9\r\ndata: 1\n\n\r\n9\r\ndata: 2\n\n\r\n0\r\n\r\n")


async def test_abort_truncates() -> None:
    async def handler(request: Request, responder: Responder) -> None:
        if request.path == b"/early":
            responder.abort()
            return
        responder.start(200, [])
        responder.write(b"some")
        await asyncio.sleep(0.01)
        responder.abort()

    async with serving(handler) as (_, port):
        got, closed = await talk(port, [GET])
        assert closed
        assert got.endswith(b"4\r\nsome\r\n")
        got, closed = await talk(port, [GET.replace(b"/x", b"/early")])
        assert closed
        assert got == b""


async def test_slow_reader_pauses_the_source() -> None:
    paused = asyncio.Event()
    resumed = asyncio.Event()
    written = 0

    async def handler(_request: Request, responder: Responder) -> None:
        nonlocal written
        responder.start(200, [])
        responder.on_writable = resumed.set
        while responder.write(b"x" * 16384):
            written += 1
            await asyncio.sleep(0)
        paused.set()
        await resumed.wait()
        responder.finish(b"the end")

    async with serving(handler) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(LAST)
        await asyncio.wait_for(paused.wait(), 10)
        assert not resumed.is_set()
        got = await asyncio.wait_for(reader.read(-1), 10)
        assert got.endswith(b"the end\r\n0\r\n\r\n")
        writer.close()
        await writer.wait_closed()


async def test_caller_that_ignores_back_pressure_is_cut() -> None:
    async def handler(_request: Request, responder: Responder) -> None:
        responder.start(200, [])
        while not responder.gone:
            responder.write(b"x" * 65536)
            await asyncio.sleep(0)

    async with serving(handler) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(GET)
        await eventually(lambda: server.requests == 1 and server.connections == 0)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
