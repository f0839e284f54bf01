from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.support.servers import RedisServer

from phantom_gateway.config.redis_address import RedisAddress, parse_redis_url
from phantom_gateway.config.secret import Secret
from phantom_gateway.limits.redis_link import LinkDown, LinkGarbage, RedisLink

ECHO = "return {ARGV[1], KEYS[1]}"


@pytest.fixture
async def link(redis_server: RedisServer) -> AsyncIterator[RedisLink]:
    made = RedisLink(parse_redis_url(redis_server.url))
    yield made
    await made.close()


async def test_scripts_run_one_by_one_and_together(link: RedisLink) -> None:
    assert await link.script(ECHO, ["k"], [1]) == ["1", "k"]
    assert await link.scripts(ECHO, [(["a"], [1]), (["b"], [2])]) == [["1", "a"], ["2", "b"]]
    assert link.up


async def test_a_server_that_forgot_the_scripts_is_told_again(link: RedisLink, redis_server: RedisServer) -> None:
    await link.script(ECHO, ["k"], [1])
    redis_server.client().script_flush()
    assert await link.script(ECHO, ["k"], [2]) == ["2", "k"]
    for _ in range(2):  # the first time over connections that are opened one after the other
        redis_server.client().script_flush()
        several = await asyncio.gather(*(link.script(ECHO, ["k"], [number]) for number in range(9)))
        assert several == [[str(number), "k"] for number in range(9)]


async def test_what_is_not_ours_is_garbage(link: RedisLink, redis_server: RedisServer) -> None:
    redis_server.client().set("k", "text")
    with pytest.raises(LinkGarbage):
        await link.script("return redis.call('HGET', KEYS[1], 'x')", ["k"], [])
    assert link.up


async def answering(link: RedisLink) -> str | None:
    """The run of the server; ``None`` while it does not answer."""
    try:
        return await link.server()
    except LinkDown:
        return None


async def test_the_breaker_opens_and_closes(link: RedisLink, redis_server: RedisServer) -> None:
    run = await link.server()
    redis_server.stop()
    with pytest.raises(LinkDown):
        await link.command("PING")
    began = time.monotonic()
    with pytest.raises(LinkDown, match="a moment ago"):
        await link.script(ECHO, ["k"], [1])
    assert time.monotonic() - began < 0.1
    redis_server.start()
    async with asyncio.timeout(5):
        while (now := await answering(link)) is None:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.05)
    assert now != run
    assert link.connects >= 2


async def test_a_server_that_is_silent_costs_one_time_limit(tmp_path: Path) -> None:
    silent = socket.socket(socket.AF_UNIX)
    silent.bind(str(tmp_path / "silent"))
    silent.listen()
    link = RedisLink(RedisAddress(socket=str(tmp_path / "silent")), timeout_s=0.1)
    with pytest.raises(LinkDown):
        await asyncio.wait_for(link.command("PING"), 3)
    await link.close()
    silent.close()


async def test_the_password_is_sent_and_never_shown(redis_server: RedisServer) -> None:
    redis_server.client().config_set("requirepass", "hunter2")
    wrong = RedisLink(RedisAddress(socket=str(redis_server.socket)))
    with pytest.raises((LinkDown, LinkGarbage)) as caught:
        await wrong.command("PING")
    assert "hunter2" not in str(caught.value)
    right = RedisLink(RedisAddress(socket=str(redis_server.socket), password=Secret("hunter2")))
    assert await right.command("PING")
    for link in (wrong, right):
        await link.close()


async def test_other_addresses_make_other_connections() -> None:
    for url in ("redis://127.0.0.1:1", "rediss://127.0.0.1:1/2"):
        link = RedisLink(parse_redis_url(url), timeout_s=0.5)
        with pytest.raises(LinkDown):
            await link.command("PING")
        await link.close()
