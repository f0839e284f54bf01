"""The pool: reuse, bounds, the queue."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.http.raw import eventually
from tests.unit.wire.upstreams import ask, upstream

from phantom_gateway.wire.client import Timeouts
from phantom_gateway.wire.errors import (
    PoolTimeout,
)


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
