"""Reading and relaying: back-pressure, bounds, ends of all kinds."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.http.test_response_cases import Collect
from tests.unit.wire.upstreams import ask, upstream

from phantom_gateway.wire.client import Timeouts
from phantom_gateway.wire.errors import (
    ResponseTooLarge,
    Truncated,
)


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


async def test_large_bodies_both_ways() -> None:
    body = b"ab" * 3_000_000
    async with upstream() as (client, origin, _):
        assert await (await ask(client, origin, body=body)).read(10_000_000) == b"POST " + body
        with pytest.raises(ResponseTooLarge):
            await (await ask(client, origin, body=body)).read(1_000_000)
        with pytest.raises(ResponseTooLarge):
            await (await ask(client, origin, b"/flood")).read(1_000_000)
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
