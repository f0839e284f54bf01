"""Bodies on their way in: who may send one, for how long, and how much is held at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.http.raw import Recorder, bound_socket, eventually, statuses, talk

from phantom_gateway.spine.snapshot import HttpLimits
from phantom_gateway.wire.intake import STRANGERS_SHARE, Intake, Refusal, Verdict
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.server import Handler, HttpServer

HEAD = b"POST /x HTTP/1.1\r\nHost: a\r\nAuthorization: %b\r\nContent-Length: %d\r\n\r\n"
CANARY = b"GET /canary HTTP/1.1\r\nHost: a\r\n\r\n"
REFUSAL = Refusal(401, b"content-type: text/plain\r\n", b"who are you")


class Doorkeeper:
    """Knows ``known``; asked, also ``asked`` and, as a stranger who may go on, ``guest``."""

    def __init__(self) -> None:
        self.judged: list[Request] = []
        self.answer = asyncio.Event()
        self.answer.set()

    def knows(self, request: Request) -> bool:
        return request.get(b"authorization") == b"known"

    async def judge(self, request: Request) -> Verdict:
        self.judged.append(request)
        await self.answer.wait()
        who = request.get(b"authorization")
        return True if who == b"asked" else False if who == b"guest" else REFUSAL


@asynccontextmanager
async def guarded(
    gate: Doorkeeper, limits: HttpLimits, handler: Handler | None = None
) -> AsyncIterator[tuple[HttpServer, int]]:
    server = HttpServer(handler or Recorder(), limits, gate=gate)
    sock = bound_socket()
    port: int = sock.getsockname()[1]
    await server.start(sock)
    try:
        yield server, port
    finally:
        await server.drain(0.2)


async def begin(port: int, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    return reader, writer


async def close(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.close()
    await asyncio.gather(*(writer.wait_closed() for writer in writers), return_exceptions=True)


@pytest.mark.parametrize("chunked", [False, True])
async def test_stranger_is_answered_by_his_head_alone(chunked: bool) -> None:
    gate = Doorkeeper()
    head = HEAD % (b"nobody", 10**6)
    if chunked:
        head = head.replace(b"Content-Length: 1000000", b"Transfer-Encoding: chunked") + b"5\r\nhello\r\n"
    async with guarded(gate, HttpLimits()) as (server, port):
        got, closed = await talk(port, [head])
        assert closed
        assert statuses(got) == [401]
        assert b"\r\nconnection: close\r\n" in got
        assert got.endswith(b"who are you")
        assert gate.judged[0].body == b""
        await eventually(lambda: server.connections == 0)
        assert (server.requests, server.intake.known, server.intake.strangers) == (0, 0, 0)


async def test_what_a_refused_stranger_sends_on_is_no_request() -> None:
    handler = Recorder()
    async with guarded(Doorkeeper(), HttpLimits(), handler) as (_, port):
        reader, writer = await begin(port, HEAD % (b"nobody", 30))
        got = await asyncio.wait_for(reader.readuntil(b"who are you"), 5)
        writer.write(b"x" * 30 + CANARY)
        got += await asyncio.wait_for(reader.read(), 5)
        assert statuses(got) == [401]
        assert not handler.seen
        await close(writer)


async def test_stranger_who_expects_continue_gets_the_answer_instead() -> None:
    head = HEAD.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue") % (b"nobody", 5)
    async with guarded(Doorkeeper(), HttpLimits()) as (_, port):
        got, closed = await talk(port, [head])
        assert closed
        assert statuses(got) == [401]


@pytest.mark.parametrize("who", [b"known", b"asked", b"guest"])
async def test_others_are_served_and_the_connection_stays(who: bytes) -> None:
    gate, handler = Doorkeeper(), Recorder()
    head = HEAD.replace(b"Host: a", b"Host: a\r\nExpect: 100-continue") % (who, 5)
    async with guarded(gate, HttpLimits(), handler) as (server, port):
        reader, writer = await begin(port, head)
        assert await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5) == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(b"hello" + CANARY)
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"answer to /x"), 5)
        await asyncio.wait_for(reader.readuntil(b"answer to /canary"), 5)
        assert [request.body for request in handler.seen] == [b"hello", b""]
        assert len(gate.judged) == (who != b"known")
        assert (server.intake.known, server.intake.strangers) == (0, 0)
        await close(writer)


async def test_whole_request_in_one_read_is_not_judged_here() -> None:
    gate, handler = Doorkeeper(), Recorder()
    async with guarded(gate, HttpLimits(), handler) as (_, port):
        await talk(port, [HEAD % (b"nobody", 5) + b"hello"], until=b"answer to /x")
        assert [request.body for request in handler.seen] == [b"hello"]
        assert not gate.judged


async def test_client_that_leaves_while_it_is_judged() -> None:
    gate = Doorkeeper()
    gate.answer.clear()
    async with guarded(gate, HttpLimits(body_stall_s=0.1)) as (server, port):
        _, writer = await begin(port, HEAD % (b"asked", 1000) + b"some")
        await eventually(lambda: bool(gate.judged))
        await close(writer)
        await eventually(lambda: server.connections == 0)
        assert server.intake.known == 0


async def test_body_that_takes_too_long_in_all() -> None:
    async with guarded(Doorkeeper(), HttpLimits(body_timeout_s=0.3, body_stall_s=10)) as (server, port):
        reader, writer = await begin(port, HEAD % (b"known", 10**6))
        for _ in range(40):
            writer.write(b"x" * 2000)
            await asyncio.sleep(0.02)
        assert b" 408 " in await asyncio.wait_for(reader.readline(), 5)
        await close(writer)
        await eventually(lambda: server.connections == 0)


async def test_bodies_beyond_the_bound_are_refused_with_advice() -> None:
    async with guarded(Doorkeeper(), HttpLimits(max_buffered=100_000)) as (server, port):
        reader, writer = await begin(port, HEAD % (b"known", 90_000) + b"x" * 60_000)
        await eventually(lambda: server.intake.known > 50_000)
        got, closed = await talk(port, [HEAD % (b"known", 70_000)])
        assert (statuses(got), closed) == ([503], True)
        assert b"\r\nretry-after: 1\r\n" in got
        got, closed = await talk(port, [HEAD % (b"known", 90_000) + b"x" * 90_000])
        assert statuses(got) == [503], "whole or in parts, there is no room"
        writer.write(b"x" * 30_000)
        assert b"200 OK" in await asyncio.wait_for(reader.readuntil(b"answer to /x"), 5)
        await eventually(lambda: server.intake.known == 0)
        got, _ = await talk(port, [HEAD % (b"known", 70_000), b"x" * 70_000], until=b"answer")
        assert statuses(got) == [200]
        await close(writer)


async def test_chunked_body_is_counted_as_it_comes() -> None:
    head = (HEAD % (b"known", 0)).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    async with guarded(Doorkeeper(), HttpLimits(max_buffered=100_000)) as (server, port):
        got, closed = await talk(port, [head, *[chunk] * 20])
        assert (statuses(got), closed) == ([503], True)
        await eventually(lambda: server.connections == 0)
        assert server.intake.known == 0


async def test_strangers_share_a_part_and_lock_nobody_out() -> None:
    async with guarded(Doorkeeper(), HttpLimits(max_buffered=100_000)) as (server, port):
        _, writer = await begin(port, HEAD % (b"guest", 20_000) + b"x" * 19_000)
        await eventually(lambda: server.intake.strangers > 18_000)
        got, _ = await talk(port, [HEAD % (b"guest", 20_000)])
        assert statuses(got) == [503]
        got, _ = await talk(port, [HEAD % (b"known", 70_000), b"x" * 70_000], until=b"answer")
        assert statuses(got) == [200]
        await close(writer)
        await eventually(lambda: server.intake.strangers == 0)


@given(st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=60), st.integers(1, 100))
def test_intake_never_holds_more_than_its_bound(sizes: list[tuple[int, bool]], limit: int) -> None:
    intake = Intake(limit)
    held = []
    for size, known in sizes:
        if intake.take(size, known=known):
            held.append((size, known))
        assert intake.known + intake.strangers <= limit
        assert intake.strangers <= limit // STRANGERS_SHARE
    for size, known in held:
        intake.give_back(size, known=known)
    assert (intake.known, intake.strangers) == (0, 0)
