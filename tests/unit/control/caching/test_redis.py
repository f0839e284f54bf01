"""Control and the Redis of the cache."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.servers import RedisServer

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.caching.redis import address_of, cache_redis
from phantom_gateway.control.errors import ApiError
from phantom_gateway.security.sealed_entry import PREFIX, EntrySealer
from phantom_gateway.spine.snapshot import Address, CacheRules, RedisPlace

SECRET = Secret("12" * 32)


def rules(socket: Path) -> CacheRules:
    return CacheRules(secret=SECRET, redis=RedisPlace(address=Address(scheme="unix", socket_path=str(socket))))


async def test_only_its_own_is_removed(redis_server: RedisServer) -> None:
    client, place = redis_server.client(), EntrySealer(SECRET).place
    others = [b"somebody", (PREFIX + "0123456789abcdef:a").encode()]
    for name in others:
        client.set(name, "x")
    names = [f"{number:064x}" for number in range(1200)]
    client.mset({place(name): "x" for name in names})
    async with cache_redis(rules(redis_server.socket)) as redis:
        await redis.ping()
        assert await redis.forget([names[0], names[1], "f" * 64]) == 2
        assert await redis.empty() == 1198
        assert (await redis.info())["redis_version"]
        assert await redis.clients()
    assert [client.exists(name) for name in others] == [1, 1]
    assert not list(client.scan_iter(place("*")))
    client.delete(*others)


async def test_nobody_there(tmp_path: Path) -> None:
    with pytest.raises(ApiError) as caught:
        async with cache_redis(rules(tmp_path / "none.sock")) as redis:
            await redis.ping()
    assert caught.value.status == 503


def test_the_same_place() -> None:
    address = Address(scheme="https", host="cache.example", port=6380)
    found = address_of(RedisPlace(address=address, username="u", password=Secret("p"), db=2))
    assert (found.name, found.tls, found.username, found.socket) == ("cache.example:6380/2", True, "u", "")
