"""The small client against a real Redis, and against one that is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support.servers import RedisServer

from phantom_gateway.config.secret import Secret
from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.egress import Egress
from phantom_gateway.wire.origin import Origin
from phantom_gateway.wire.redis_client import MAX_WAITING, RedisClient, RedisDown, RedisRefused
from phantom_gateway.wire.tasks import TaskGroup

NOBODY: tuple[str, Secret | None, int] = ("", None, 0)


@asynccontextmanager
async def client(
    socket: Path, login: tuple[str, Secret | None, int] = NOBODY, timeout_s: float = 5.0
) -> AsyncIterator[RedisClient]:
    origin = Origin.of(Address(scheme="unix", socket_path=str(socket)))
    found = RedisClient(Egress(), origin, login, timeout_s, 1 << 20)
    try:
        yield found
    finally:
        await found.close()


async def test_commands_and_their_replies(redis_server: RedisServer) -> None:
    async with client(redis_server.socket) as redis:
        assert await redis.do("SET", b"client:a", b"\0" * 300_000) == b"OK"
        assert await redis.do("GET", "client:a") == b"\0" * 300_000
        assert await redis.do("GET", "client:none") is None
        assert await redis.do("DEL", "client:a") == 1
        with pytest.raises(RedisRefused):
            await redis.do("NONSENSE")
        assert redis.up


async def test_many_at_once_keep_their_order(redis_server: RedisServer) -> None:
    async with client(redis_server.socket) as redis:
        found = await asyncio.gather(*[redis.do("ECHO", str(number)) for number in range(200)])
        assert found == [str(number).encode() for number in range(200)]
        refused = await asyncio.gather(*[redis.do("PING") for _ in range(MAX_WAITING + 50)], return_exceptions=True)
        assert sum(isinstance(each, RedisRefused) for each in refused) == 50


async def test_databases_and_passwords(redis_server: RedisServer) -> None:
    async with client(redis_server.socket, ("", None, 3)) as third, client(redis_server.socket) as first:
        await third.do("SET", "client:db", "3")
        assert await first.do("GET", "client:db") is None
        await third.do("DEL", "client:db")
    async with client(redis_server.socket, ("nobody", Secret("wrong"), 0)) as refused:
        with pytest.raises(RedisDown) as caught:
            await refused.do("PING")
        assert "wrong" not in str(caught.value)


async def test_nobody_there(tmp_path: Path) -> None:
    async with client(tmp_path / "none.sock") as redis:
        for _ in range(3):
            with pytest.raises(RedisDown):
                await redis.do("PING")
        assert not redis.up


async def test_a_silent_one_is_asked_once(tmp_path: Path) -> None:
    made: list[asyncio.BaseTransport] = []

    class Listener(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            made.append(transport)

    server = await asyncio.get_running_loop().create_unix_server(Listener, str(tmp_path / "silent.sock"))
    async with client(tmp_path / "silent.sock", timeout_s=0.1) as redis:
        found = await asyncio.gather(*[redis.do("PING") for _ in range(5)], return_exceptions=True)
        assert all(isinstance(each, RedisDown) for each in found)
        assert len(made) == 1
        for _ in range(20):
            with pytest.raises(RedisDown):
                await redis.do("PING")
    server.close()
    await server.wait_closed()


async def test_it_comes_back(redis_server: RedisServer) -> None:
    async with client(redis_server.socket) as redis:
        await redis.do("PING")
        redis_server.stop()
        with pytest.raises(RedisDown):
            await redis.do("PING")
        redis_server.start()
        async with asyncio.timeout(10):
            while not redis.up:
                try:
                    await redis.do("PING")
                except RedisDown:
                    await asyncio.sleep(0.05)


async def test_closed_is_closed(redis_server: RedisServer) -> None:
    tasks = TaskGroup()
    async with client(redis_server.socket) as redis:
        await redis.do("PING")
        pending = tasks.spawn(redis.do("BLPOP", "client:never", 3), "wait")
        await asyncio.sleep(0.05)
        await redis.close()
        with pytest.raises(RedisDown):
            await pending
        with pytest.raises(RedisDown):
            await redis.do("PING")
