"""The store in Redis: a real one, one that dies, and one that talks nonsense."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.support.servers import RedisServer
from tests.unit.gateway.rig import Rig, eventually, running
from tests.unit.gateway.test_cache import asked, is_hit

from phantom_gateway.config.secret import Secret
from phantom_gateway.gateway.caching.entry import Entry
from phantom_gateway.gateway.caching.shared import SharedStore
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.security.sealed_entry import PREFIX, EntrySealer
from phantom_gateway.spine.snapshot import Address, CacheRules, RedisPlace
from phantom_gateway.wire.egress import Egress
from phantom_gateway.wire.tasks import TaskGroup

PLACE = EntrySealer(Secret("ef" * 32)).place
CANARY = b"what the model said"


def rules(socket: Path, secret: str = "ef" * 32, **fields: Any) -> CacheRules:
    place = RedisPlace(address=Address(scheme="unix", socket_path=str(socket)))
    return CacheRules(secret=Secret(secret), redis=place, timeout_s=5.0, **fields)


def entry(until: float | None = None) -> Entry:
    now = time.time()
    usage = Usage(input=1, output=2, source="provider")
    return Entry(
        at=now,
        until=now + 60 if until is None else until,
        deployment_id="d",
        upstream_model="m",
        usage=usage,
        cost=3,
        body=CANARY,
    )


@asynccontextmanager
async def store(given: CacheRules) -> AsyncIterator[SharedStore]:
    tasks = TaskGroup()
    found = SharedStore(given, Egress(), tasks)
    try:
        yield found
    finally:
        await tasks.cancel()
        await found.close()


@pytest.fixture
def client(redis_server: RedisServer) -> Any:
    found = redis_server.client()
    found.flushall()
    return found


async def put(one: SharedStore, client: Any, name: str, given: Entry) -> None:
    one.put(name, given, time.time())
    await eventually(lambda: bool(client.exists(PLACE(name))))


async def test_kept_and_found_again(redis_server: RedisServer, client: Any) -> None:
    async with store(rules(redis_server.socket)) as one, store(rules(redis_server.socket)) as other:
        await put(one, client, "a", entry())
        found = await other.get("a", time.time())
        assert found is not None
        assert (found.body, found.cost, found.usage.output) == (CANARY, 3, 2)
        assert await other.get("b", time.time()) is None
        assert await other.get("a", found.until) is None
        assert 0 < client.pttl(PLACE("a")) <= 60_000


async def test_nobody_else_reads_writes_or_moves_it(redis_server: RedisServer, client: Any) -> None:
    async with store(rules(redis_server.socket)) as one, store(rules(redis_server.socket, "ab" * 32)) as stranger:
        await put(one, client, "a", entry())
        value = client.get(PLACE("a"))
        assert CANARY not in value
        assert await stranger.get("a", time.time()) is None
        client.set(PLACE("b"), value)
        assert await one.get("b", time.time()) is None
        for position in range(0, len(value), 7):
            client.set(PLACE("c"), value[:position] + bytes([value[position] ^ 1]) + value[position + 1 :])
            assert await one.get("c", time.time()) is None
        client.set(PLACE("d"), b"\x01garbage")
        client.delete(PLACE("e"))
        client.lpush(PLACE("e"), "a list")
        assert await one.get("d", time.time()) is None
        assert await one.get("e", time.time()) is None
        assert await one.get("a", time.time()) is not None


async def test_what_is_past_is_not_sent(redis_server: RedisServer, client: Any) -> None:
    async with store(rules(redis_server.socket)) as one:
        one.put("a", entry(until=1.0), time.time())
        await put(one, client, "b", entry())
        one.forget(["b"])
        one.clear()
        one.sweep(time.time())
        assert client.keys(PREFIX + "*") == [PLACE("b").encode()]


async def _round(rig: Rig, key: str, **fields: Any) -> bool:
    answer = await rig.chat(key, **fields)
    assert answer.status == 200
    assert answer.whole
    return is_hit(answer)


async def test_workers_share_it(redis_server: RedisServer, client: Any, tmp_path: Path) -> None:
    async with running(tmp_path / "a", cache=rules(redis_server.socket)) as one:
        key = one.key()
        assert not await _round(one, key)
        await eventually(lambda: len(client.keys(PREFIX + "*")) == 1)
        assert await _round(one, key)
        assert not await _round(one, key, stream=True)
        await eventually(lambda: len(client.keys(PREFIX + "*")) == 2)
        assert await _round(one, key, stream=True)
        assert asked(one) == 2
        assert b"hello" not in b"".join([client.get(name) for name in client.scan_iter()])


async def test_a_dead_redis_hurts_nobody(tmp_path: Path, redis_server: RedisServer) -> None:
    async with running(tmp_path, cache=rules(redis_server.socket)) as rig:
        redis_server.client().flushall()
        key = rig.key()
        await _round(rig, key)
        await eventually(lambda: bool(redis_server.client().keys(PREFIX + "*")))
        assert await _round(rig, key)
        load = [
            rig.worker.tasks.spawn(_round(rig, key, stream=bool(number % 2), seed=number), "load")
            for number in range(40)
        ]
        await asyncio.sleep(0.02)
        redis_server.stop()
        try:
            assert not any(await asyncio.gather(*load))
            assert [await _round(rig, key) for _ in range(3)] == [False, False, False]
        finally:
            redis_server.start()
        await eventually_hit(rig, key)


async def eventually_hit(rig: Rig, key: str) -> None:
    async with asyncio.timeout(10):
        while not await _round(rig, key):  # noqa: ASYNC110 - Redis is another party
            await asyncio.sleep(0.05)


class Talker(asyncio.Protocol):
    """Says the same to everything, or hangs up."""

    def __init__(self, reply: bytes) -> None:
        self._reply = reply
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, _data: bytes) -> None:
        assert self._transport is not None
        self._transport.write(self._reply)
        if not self._reply:
            self._transport.close()


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 400 Bad\r\n\r\n", b"$99999999999\r\n", b"*-5\r\n", b":1\r\n" * 50, b"-ERR\r\n"]
)
async def test_nonsense_hurts_nobody(tmp_path: Path, reply: bytes) -> None:
    server = await asyncio.get_running_loop().create_unix_server(lambda: Talker(reply), str(tmp_path / "bad.sock"))
    given = msgspec.structs.replace(rules(tmp_path / "bad.sock"), timeout_s=0.2)
    async with running(tmp_path / "gateway", cache=given) as rig:
        key = rig.key()
        for _ in range(3):
            assert not await _round(rig, key)
    server.close()
    await server.wait_closed()
