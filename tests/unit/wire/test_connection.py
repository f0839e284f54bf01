"""One client connection: order, disconnects, timeouts, failing handlers."""

from __future__ import annotations

import asyncio
import socket

import pytest
from tests.contract.http.raw import Recorder, eventually, serving, statuses, talk

from phantom_gateway.spine.snapshot import HttpLimits
from phantom_gateway.wire import connection
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.responder import Responder

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


async def test_a_client_that_sends_all_before_it_reads_finds_the_refusal() -> None:
    size = 16 * 1024 * 1024  # more than the sockets hold

    def client(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            sock.sendall(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
            sock.sendall(bytes(size))
            return sock.recv(65536)

    async with serving(Recorder(), HttpLimits(max_body=1024)) as (server, port):
        got = await asyncio.to_thread(client, port)
        assert statuses(got) == [413]
        await eventually(lambda: server.connections == 0)
        assert server.intake.known == server.intake.strangers == 0


async def test_nobody_is_heard_out_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "LINGER_MOST_S", 0.2)
    async with serving(Recorder(), HttpLimits(max_body=1024, idle_timeout_s=0.1)) as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n")
        assert statuses(await asyncio.wait_for(reader.read(-1), 5)) == [413]
        async with asyncio.timeout(10):
            while server.connections:
                writer.write(b"x")
                await asyncio.sleep(0.02)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)


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
