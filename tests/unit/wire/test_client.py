"""The client's life: reuse, closing, heads it refuses."""

from __future__ import annotations

import asyncio

import pytest
from tests.contract.http.raw import eventually
from tests.unit.wire.upstreams import PATIENT, ask, origin_of, upstream

from phantom_gateway.wire.client import HttpClient
from phantom_gateway.wire.errors import (
    ConnectFailed,
    ConnectionLost,
)


async def test_connections_are_reused() -> None:
    async with upstream() as (client, origin, _):
        for turn in range(5):
            response = await ask(client, origin, body=b"hello")
            assert response.reused == (turn > 0)
            assert await response.read(100) == b"POST hello"
        assert client.connections == 1


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
            await asyncio.wait_for(task, 5)


async def test_closed_client_fails_requests_that_connect_or_wait_to() -> None:
    async with upstream(max_connections=1) as (client, origin, _):
        tasks = [asyncio.get_running_loop().create_task(ask(client, origin, b"/hang")) for _ in range(3)]
        await asyncio.sleep(0)
        assert client.connections == 1
        await client.close()
        for task in tasks:
            with pytest.raises(ConnectionLost):
                await asyncio.wait_for(task, 5)
        assert client.connections == 0


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
