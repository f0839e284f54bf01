"""The client's life: reuse, limits of the pool, timeouts, cancellation, back-pressure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.contract.http.raw import eventually, serving
from tests.contract.http.test_response_cases import Collect

from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.client import HttpClient, Response, Timeouts, render_head
from phantom_gateway.wire.errors import (
    BodyStalled,
    ConnectFailed,
    ConnectionLost,
    DeadlineExceeded,
    FirstByteTimeout,
    PoolTimeout,
    ResponseTooLarge,
    Truncated,
)
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.origin import Origin
from phantom_gateway.wire.responder import Responder

PATIENT = Timeouts(connect_s=5, first_byte_s=10, stall_s=10, total_s=30)


def origin_of(port: int) -> Origin:
    return Origin.of(Address(scheme="http", host="127.0.0.1", port=port, allow_private=("127.0.0.0/8",)))


@asynccontextmanager
async def upstream(
    *, max_connections: int = 2048, max_idle: int = 1024, idle_s: float = 55
) -> AsyncIterator[tuple[HttpClient, Origin, asyncio.Event]]:
    """A client and an upstream that behaves as the path says."""
    release = asyncio.Event()

    async def handler(request: Request, responder: Responder) -> None:
        if request.path == b"/hang":
            await release.wait()
        if request.path == b"/stream":
            responder.start(200, b"content-type: text/event-stream\r\n")
            responder.write(b"first")
            await release.wait()
            responder.finish(b"last")
        elif request.path == b"/cut":
            responder.start(200, b"")
            responder.write(b"first")
            await release.wait()
            responder.abort()
        elif request.path == b"/flood":
            responder.start(200, b"")
            on_writable = asyncio.Event()
            responder.on_writable = on_writable.set
            for _ in range(200):
                if not responder.write(b"x" * 65536):
                    on_writable.clear()
                    await on_writable.wait()
            responder.finish()
        else:
            responder.send(200, b"", request.method.encode() + b" " + request.body)

    async with serving(handler) as (_, port):
        client = HttpClient(
            max_connections_per_origin=max_connections, max_idle_per_origin=max_idle, idle_s=idle_s, sweep_s=0.02
        )
        try:
            yield client, origin_of(port), release
        finally:
            release.set()
            await client.close()


async def ask(
    client: HttpClient, origin: Origin, path: bytes = b"/", body: bytes = b"", timeouts: Timeouts = PATIENT
) -> Response:
    return await client.request(origin, render_head("POST", path, origin.host_header, b"", len(body)), body, timeouts)


async def test_connections_are_reused() -> None:
    async with upstream() as (client, origin, _):
        for turn in range(5):
            response = await ask(client, origin, body=b"hello")
            assert response.reused == (turn > 0)
            assert await response.read(100) == b"POST hello"
        assert client.connections == 1


async def test_large_bodies_both_ways() -> None:
    body = b"ab" * 3_000_000
    async with upstream() as (client, origin, _):
        assert await (await ask(client, origin, body=body)).read(10_000_000) == b"POST " + body
        with pytest.raises(ResponseTooLarge):
            await (await ask(client, origin, body=body)).read(1_000_000)
        with pytest.raises(ResponseTooLarge):
            await (await ask(client, origin, b"/flood")).read(1_000_000)
        assert client.connections == 0


async def test_idle_connections_are_closed_and_bounded() -> None:
    async with upstream(max_idle=2, idle_s=0.05) as (client, origin, release):
        hanging = [asyncio.get_running_loop().create_task(ask(client, origin, b"/hang")) for _ in range(4)]
        await eventually(lambda: client.connections == 4)
        release.set()
        for each in hanging:
            await (await each).read(100)
        assert client.connections == 2
        await eventually(lambda: client.connections == 0)


async def test_requests_wait_for_room() -> None:
    async with upstream(max_connections=1) as (client, origin, release):
        first = asyncio.get_running_loop().create_task(ask(client, origin, b"/hang"))
        await eventually(lambda: client.connections == 1)
        with pytest.raises(PoolTimeout) as caught:
            await ask(client, origin, timeouts=Timeouts(connect_s=0.02))
        assert not caught.value.sent
        second = asyncio.get_running_loop().create_task(ask(client, origin))
        third = asyncio.get_running_loop().create_task(ask(client, origin))
        await asyncio.sleep(0.02)
        third.cancel()
        release.set()
        assert await (await first).read(100) == b"POST "
        response = await second
        assert response.reused
        await response.read(100)
        assert client.connections == 1


async def test_room_is_passed_on_when_connections_die() -> None:
    async with upstream(max_connections=1) as (client, origin, _):
        first = asyncio.get_running_loop().create_task(ask(client, origin, b"/hang"))
        await eventually(lambda: client.connections == 1)
        second = asyncio.get_running_loop().create_task(ask(client, origin))
        await asyncio.sleep(0.01)
        first.cancel()
        assert await (await second).read(100) == b"POST "


async def test_first_byte_timeout() -> None:
    async with upstream() as (client, origin, _):
        with pytest.raises(FirstByteTimeout) as caught:
            await ask(client, origin, b"/hang", timeouts=Timeouts(first_byte_s=0.05))
        assert caught.value.sent
        assert not caught.value.received
        assert client.connections == 0


async def test_stall_and_deadline() -> None:
    async with upstream() as (client, origin, _):
        response = await ask(client, origin, b"/stream", timeouts=Timeouts(stall_s=0.05))
        with pytest.raises(BodyStalled) as stalled:
            await response.read(100)
        assert stalled.value.received
        sink = Collect()
        response = await ask(client, origin, b"/stream", timeouts=Timeouts(total_s=0.05))
        with pytest.raises(DeadlineExceeded):
            await response.relay(sink)
        assert sink.body == b"first"
        with pytest.raises(DeadlineExceeded):
            await ask(client, origin, b"/hang", timeouts=Timeouts(total_s=0.05))
        assert client.connections == 0


async def test_a_paused_response_does_not_stall() -> None:
    async with upstream() as (client, origin, release):
        response = await ask(client, origin, b"/stream", timeouts=Timeouts(stall_s=0.1))
        sink = Collect()
        relay = asyncio.get_running_loop().create_task(response.relay(sink))
        await asyncio.sleep(0)
        response.pause()
        await asyncio.sleep(0.25)
        release.set()
        response.resume()
        await relay
        assert sink.body == b"firstlast"


async def test_pause_holds_the_upstream_back() -> None:
    async with upstream() as (client, origin, _):
        response = await ask(client, origin, b"/flood")
        sink = Collect()
        response.pause()
        relay = asyncio.get_running_loop().create_task(response.relay(sink))
        await asyncio.sleep(0.1)
        held = len(sink.body)
        await asyncio.sleep(0.05)
        assert len(sink.body) == held < 1_000_000
        response.resume()
        await relay
        assert len(sink.body) == 200 * 65536
        assert (await ask(client, origin)).reused


async def test_unclaimed_body_is_bounded_then_read() -> None:
    async with upstream() as (client, origin, _):
        response = await ask(client, origin, b"/flood")
        await asyncio.sleep(0.1)
        assert len(await response.read(100_000_000)) == 200 * 65536


@pytest.mark.parametrize("stage", ["request", "read", "relay"])
async def test_cancelling_closes_the_connection(stage: str) -> None:
    async with upstream() as (client, origin, _):

        async def run() -> None:
            if stage == "request":
                await ask(client, origin, b"/hang")
            response = await ask(client, origin, b"/stream")
            await (response.read(100) if stage == "read" else response.relay(Collect()))

        task = asyncio.get_running_loop().create_task(run())
        await eventually(lambda: client.connections == 1)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client.connections == 0
        assert await (await ask(client, origin)).read(100) == b"POST "


async def test_close_ends_a_running_relay() -> None:
    async with upstream() as (client, origin, _):
        response = await ask(client, origin, b"/stream")
        relay = asyncio.get_running_loop().create_task(response.relay(Collect()))
        await asyncio.sleep(0.01)
        response.close()
        response.close()
        with pytest.raises(Truncated):
            await relay
        assert client.connections == 0


async def test_truncation_delivers_what_came() -> None:
    async with upstream() as (client, origin, release):
        response = await ask(client, origin, b"/cut")
        sink = Collect()
        relay = asyncio.get_running_loop().create_task(response.relay(sink))
        await asyncio.sleep(0.01)
        release.set()
        with pytest.raises(Truncated):
            await relay
        assert sink.body == b"first"


class OddError(Exception):
    """What a sink raises."""


class Failing:
    """A sink that fails at its n-th piece."""

    def __init__(self, good: int) -> None:
        self.good = good

    def data(self, _data: bytes, /) -> None:
        if self.good == 0:
            raise OddError
        self.good -= 1


@pytest.mark.parametrize("good", [0, 1])
async def test_sink_errors_end_the_relay(good: int) -> None:
    async with upstream() as (client, origin, release):
        response = await ask(client, origin, b"/stream")
        relay = asyncio.get_running_loop().create_task(response.relay(Failing(good)))
        await asyncio.sleep(0.01)
        release.set()
        with pytest.raises(OddError):
            await relay
        assert client.connections == 0


async def test_upstream_that_is_not_there_or_restarts() -> None:
    async with upstream() as (client, origin, _):
        await (await ask(client, origin)).read(100)
        port = origin.port
    client = HttpClient()
    with pytest.raises(ConnectFailed) as caught:
        await ask(client, origin_of(port))
    assert not caught.value.sent
    await client.close()


async def test_closed_client_fails_running_requests() -> None:
    async with upstream() as (client, origin, _):
        task = asyncio.get_running_loop().create_task(ask(client, origin, b"/hang"))
        await eventually(lambda: client.connections == 1)
        await asyncio.sleep(0.02)
        await client.close()
        with pytest.raises(ConnectionLost):
            await task


async def test_forget_closes_pools_of_removed_origins() -> None:
    async with upstream() as (client, origin, _):
        await (await ask(client, origin)).read(100)
        client.forget({origin})
        assert client.connections == 1
        client.forget(set())
        await eventually(lambda: client.connections == 0)
        await (await ask(client, origin)).read(100)
        assert client.connections == 1


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\nGET /x HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n",
        b"",
        b"GET / HTTP/1.1\r\nhost: a\r\n\r\n\r\n\r\n",
    ],
)
async def test_heads_that_are_not_one_head_are_refused(head: bytes) -> None:
    client = HttpClient()
    with pytest.raises(ValueError, match="one block"):
        await client.request(origin_of(1), head, b"", PATIENT)
    await client.close()
