from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from tests.support.servers import RedisServer

from phantom_gateway.config.redis_address import parse_redis_url
from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.limits.recalls import Recalls
from phantom_gateway.limits.redis_counters import EpochChanged
from phantom_gateway.limits.redis_link import LinkDown, RedisLink
from phantom_gateway.wire.tasks import TaskGroup


class Ear:
    """One node; what it was asked and told."""

    def __init__(self, server: RedisServer, name: str) -> None:
        self.asked: list[str] = []
        self.told: list[tuple[str, ...]] = []
        self.link = RedisLink(parse_redis_url(server.url))
        self.recalls = Recalls(self.link, "channel", name, self.answer)
        self.recalls.on_forget = self.forget

    async def answer(self, scope: str) -> None:
        self.asked.append(scope)

    async def forget(self, keys: tuple[str, ...]) -> None:
        self.told.append(keys)


@asynccontextmanager
async def listening(server: RedisServer, name: str) -> AsyncIterator[Ear]:
    ear, tasks = Ear(server, name), TaskGroup()
    tasks.spawn(ear.recalls.run(), name)
    await asyncio.wait_for(ear.recalls.listening.wait(), 5)
    yield ear
    await tasks.cancel()
    await ear.recalls.stop()
    await ear.link.close()


async def until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)


async def test_others_are_asked_and_their_answer_is_waited_for(redis_server: RedisServer) -> None:
    async with AsyncExitStack() as stack:
        a, b, c = [await stack.enter_async_context(listening(redis_server, name)) for name in "abc"]
        await a.recalls.recall("scope", ("b", "c"))
        assert (a.asked, b.asked, c.asked) == ([], ["scope"], ["scope"])


async def test_who_does_not_answer_is_not_waited_for_long(redis_server: RedisServer) -> None:
    async with listening(redis_server, "a") as a:
        began = time.monotonic()
        await a.recalls.recall("scope", ("gone",))
        assert 0.2 < time.monotonic() - began < 3
        redis_server.stop()
        await a.recalls.recall("scope", ("gone",))


@pytest.mark.parametrize("error", [TruthUnavailable(), EpochChanged(), LinkDown("away")])
async def test_who_cannot_answer_is_silent(
    redis_server: RedisServer, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(redis_server, "a") as a, listening(redis_server, "b") as b:

        async def fail(scope: str) -> None:
            b.asked.append(scope)
            raise error

        b.recalls._answer = fail
        await a.recalls.recall("scope", ("b",))
        assert b.asked == ["scope"]
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


async def test_changes_of_keys_are_told(redis_server: RedisServer) -> None:
    async with listening(redis_server, "a") as a, listening(redis_server, "b") as b:
        await until(lambda: b.told == [()])  # it was not listening before
        await a.recalls.tell(("k",))
        await until(lambda: b.told == [(), ("k",)])
        assert a.told == [()]


async def test_after_an_outage_everything_is_forgotten(redis_server: RedisServer) -> None:
    async with listening(redis_server, "a") as a:
        await until(lambda: a.told == [()])
        redis_server.stop()
        with pytest.raises(LinkDown):
            await a.recalls.tell(())
        redis_server.start()
        await until(lambda: a.told == [(), ()])


async def test_strangers_are_not_understood(redis_server: RedisServer) -> None:
    async with listening(redis_server, "a") as a, listening(redis_server, "b") as b:
        redis_server.client().publish("channel", "nonsense")
        await b.recalls.recall("scope", ("a",))
        assert a.asked == ["scope"]
