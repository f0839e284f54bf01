"""The server's life: keep-alive, streams, disconnects, timeouts, overload, drain."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from pathlib import Path

import pytest
from tests.contract.http.raw import Recorder, eventually, serving, statuses, talk

from phantom_gateway.spine.snapshot import HttpLimits
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.responder import Responder
from phantom_gateway.wire.server import HttpServer

GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def test_pipelined_requests_are_answered_in_order() -> None:
    handler = Recorder()
    async with serving(handler) as (server, port):
        got, closed = await talk(port, [GET * 50 + LAST])
        assert closed
        assert statuses(got) == [200] * 51
        assert server.requests == 51
        assert got.count(b"date: ") == 51


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


@pytest.mark.parametrize("started", [False, True])
async def test_handler_that_fails_or_forgets(started: bool, caplog: pytest.LogCaptureFixture) -> None:
    async def fails(_request: Request, responder: Responder) -> None:
        if started:
            responder.start(200, [])
            responder.write(b"some")
        raise RuntimeError("a secret of the request")

    async def forgets(_request: Request, responder: Responder) -> None:
        if started:
            responder.start(200, [])
            responder.write(b"some")

    for handler in (fails, forgets):
        async with serving(handler) as (_, port):
            got, closed = await talk(port, [GET])
            assert closed
            if started:
                assert statuses(got) == [200]
                assert not got.endswith(b"0\r\n\r\n")
            else:
                assert statuses(got) == [500]
                assert b"secret" not in got
    assert "secret" not in caplog.text
    assert "RuntimeError" in caplog.text


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


@pytest.mark.parametrize("way", ["close", "eof"])
async def test_disconnect_cancels_the_handler(way: str) -> None:
    ended = asyncio.get_running_loop().create_future()

    async def handler(_request: Request, responder: Responder) -> None:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.set_result(responder.gone)
            raise

    async with serving(handler) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET)
        await eventually(lambda: server.in_flight == 1)
        if way == "eof":
            writer.write_eof()
        else:
            writer.close()
        assert await asyncio.wait_for(ended, 5) is True
        await eventually(lambda: server.in_flight == 0 and server.connections == 0)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


async def test_finished_handler_may_tidy_up_after_the_client_left() -> None:
    done = asyncio.get_running_loop().create_future()

    async def handler(_request: Request, responder: Responder) -> None:
        responder.send(200, [], b"ok")
        await asyncio.sleep(0.05)
        done.set_result(None)

    async with serving(handler) as (server, port):
        await talk(port, [LAST])
        await asyncio.wait_for(done, 5)
        await eventually(lambda: server.connections == 0)


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


async def test_stalled_reader_is_cut() -> None:
    ended = asyncio.Event()

    async def handler(_request: Request, responder: Responder) -> None:
        responder.start(200, [])
        try:
            while True:
                responder.write(b"x" * 65536)
                await asyncio.sleep(0.001 if responder.writable else 30)
        except asyncio.CancelledError:
            ended.set()
            raise

    async with serving(handler, HttpLimits(write_stall_s=0.1)) as (_, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(GET)
        await asyncio.wait_for(ended.wait(), 10)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


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


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b"", []),
        (b"GET / HT", [408]),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe", [408]),
        (GET, [200]),
    ],
    ids=["silent", "half a head", "half a body", "idle after a request"],
)
async def test_timeouts(sent: bytes, expected: list[int]) -> None:
    limits = HttpLimits(header_timeout_s=0.05, body_stall_s=0.05, idle_timeout_s=0.05)
    async with serving(Recorder(), limits) as (_, port):
        got, closed = await talk(port, [sent])
        assert closed
        assert statuses(got) == expected


async def test_body_that_keeps_coming_is_not_cut() -> None:
    handler = Recorder()
    async with serving(handler, HttpLimits(body_stall_s=0.2)) as (_, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12000\r\n\r\n")
        for _ in range(12):
            writer.write(b"x" * 1000)
            await asyncio.sleep(0.05)
        assert b"200 OK" in await asyncio.wait_for(reader.readline(), 5)
        assert len(handler.seen[0].body) == 12000
        writer.close()
        await writer.wait_closed()


async def test_continue_is_sent_before_the_body_only_within_limits() -> None:
    async with serving(Recorder()) as (_, port):
        head = b"POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head % 5)
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello")
        assert b"200 OK" in await asyncio.wait_for(reader.readline(), 5)
        writer.close()
        await writer.wait_closed()
        got, closed = await talk(port, [head % 10**10])
        assert closed
        assert statuses(got) == [413]


async def test_requests_per_connection_and_allowed_hosts() -> None:
    limits = HttpLimits(max_requests_per_connection=2, allowed_hosts=("localhost",))
    async with serving(Recorder(), limits) as (server, port):
        got, closed = await talk(port, [GET * 3])
        assert closed
        assert statuses(got) == [200, 200]
        got, closed = await talk(port, [GET.replace(b"localhost", b"evil.example")])
        assert statuses(got) == [421]
        server.set_limits(HttpLimits())
        got, _ = await talk(port, [GET.replace(b"localhost", b"evil.example") + LAST])
        assert statuses(got) == [200, 200]


async def test_too_many_connections() -> None:
    async with serving(Recorder(), HttpLimits(max_connections=1)) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await eventually(lambda: server.connections == 1)
        got, closed = await talk(port, [GET])
        assert closed
        assert statuses(got) == [503]
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: server.connections == 0)
        got, _ = await talk(port, [LAST])
        assert statuses(got) == [200]


async def test_drain_closes_idle_answers_running_and_cuts_the_rest() -> None:
    release = asyncio.Event()
    cancelled = asyncio.Event()

    async def handler(request: Request, responder: Responder) -> None:
        if request.path == b"/slow":
            await release.wait()
        elif request.path == b"/never":
            try:
                await asyncio.sleep(30)
            finally:
                cancelled.set()
        responder.send(200, [], b"done")

    async with serving(handler) as (server, port):
        idle = asyncio.get_running_loop().create_task(talk(port, [GET]))
        slow = asyncio.get_running_loop().create_task(talk(port, [GET.replace(b"/x", b"/slow")]))
        never = asyncio.get_running_loop().create_task(talk(port, [GET.replace(b"/x", b"/never")]))
        await eventually(lambda: server.in_flight == 2 and server.requests == 3)
        draining = asyncio.get_running_loop().create_task(server.drain(0.3))
        got, closed = await idle
        assert closed
        release.set()
        got, closed = await slow
        assert closed
        assert statuses(got) == [200]
        assert b"connection: close" in got
        await draining
        assert cancelled.is_set()
        assert (await never) == (b"", True)
        assert server.connections == 0
        with pytest.raises(OSError, match=r".*"):
            await asyncio.open_connection("127.0.0.1", port)


async def test_unix_socket_and_fallback() -> None:
    def fallback(status: int, reason: str) -> tuple[list[tuple[bytes, bytes]], bytes]:
        return [(b"x-odd", b"1")], f"{status} {reason}".encode()

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s")
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(path)
        handler = Recorder()
        server = HttpServer(handler, HttpLimits(), fallback=fallback)
        await server.start(sock)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(GET + b"BAD\r\n\r\n")
        got = await asyncio.wait_for(reader.read(-1), 5)
        assert statuses(got) == [200, 400]
        assert b"x-odd: 1\r\n" in got
        assert got.endswith(b"400 malformed request")
        assert handler.seen[0].peer == "unix"
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        await server.drain(1)
