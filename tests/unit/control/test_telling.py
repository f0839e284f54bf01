from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from tests.support.servers import PostgresServer

from phantom_gateway.config.database_address import PostgresAddress, parse_database_url
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.services import CONFIGURATION
from phantom_gateway.control.telling import Telling
from phantom_gateway.limits.redis_link import LinkDown
from phantom_gateway.spine.messages import CACHED_ALL, DeploymentHealth, KeyRecord, Load


class Workers:
    """Of one node."""

    def __init__(self) -> None:
        self.forgot: list[tuple[str, ...]] = []
        self.ready_workers = 3
        self.loads: dict[str, Load] = {"w1": Load(in_flight=2)}
        self.healths: dict[str, dict[str, DeploymentHealth]] = {"w1": {"d": DeploymentHealth(id="d")}}

    async def invalidate(self, key_ids: tuple[str, ...]) -> None:
        self.forgot.append(key_ids)

    async def explain(self, key: KeyRecord, path: str, headers: tuple[tuple[str, str], ...], body: bytes) -> bytes:
        return f"{key.id} {path} {len(headers)} ".encode() + body


Node = tuple[Telling, Workers]


def make(postgres: PostgresServer, url: str, name: str) -> Node:
    address, workers = parse_database_url(url), Workers()
    assert isinstance(address, PostgresAddress)
    return Telling(workers, AsyncDatabase(postgres.open(url)), address, name, 2.0), workers


@pytest.fixture
async def pair(postgres: PostgresServer) -> AsyncIterator[tuple[Node, Node]]:
    url = postgres.migrated()
    nodes = make(postgres, url, "a"), make(postgres, url, "b")
    for telling, _ in nodes:
        telling.start()
        await asyncio.wait_for(telling.listening.wait(), 10)
    await until(nodes[1][1], [()])
    yield nodes
    for telling, _ in nodes:
        await telling.stop()
        telling._database.close()


async def until(workers: Workers, forgot: list[tuple[str, ...]]) -> None:
    async with asyncio.timeout(10):
        while workers.forgot != forgot:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)


async def test_a_change_is_told_here_and_there(pair: tuple[Node, Node]) -> None:
    (a, mine), (_, theirs) = pair
    await a.invalidate(("k",))
    assert mine.forgot[-1] == ("k",)
    await until(theirs, [(), ("k",)])
    assert a.ready_workers == 3
    assert a.healths is mine.healths
    assert await a.explain(KeyRecord(id="k"), "/x", (), b"y") == b"k /x 0 y"


async def test_redis_is_a_second_way(pair: tuple[Node, Node]) -> None:
    (a, mine), _ = pair
    told: list[tuple[str, ...]] = []

    async def tell(keys: tuple[str, ...]) -> None:
        told.append(keys)
        raise LinkDown("away")

    a.through_redis = tell
    await a.invalidate(("k",))
    assert told == [("k",)]
    await a.forget_all()
    assert mine.forgot[-2:] == [(), (CACHED_ALL,)]


async def test_what_could_not_be_told_is_told_later(postgres: PostgresServer) -> None:
    a, workers = make(postgres, postgres.url("not_yet"), "a")
    await a.invalidate(("k",))
    assert workers.forgot == [("k",)]  # the caller's answer does not wait for the outage
    with postgres._admin() as connection:
        connection.execute(b"CREATE DATABASE not_yet")
    b, others = make(postgres, postgres.url("not_yet"), "b")
    b.start()
    async with asyncio.timeout(10):
        while others.forgot[-1:] not in ([()], [("k",)]):  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)
    for telling in (a, b):
        await telling.stop()
        telling._database.close()


async def test_a_change_of_models_is_taken_in_there(pair: tuple[Node, Node]) -> None:
    (a, _), (b, theirs) = pair
    seen: asyncio.Queue[str] = asyncio.Queue()

    async def refresh() -> None:
        seen.put_nowait("refreshed")

    b.refresh = refresh
    await a.invalidate(("k",))
    await until(theirs, [(), ("k",)])
    assert seen.empty(), "a key is no reason"
    await a.invalidate((CONFIGURATION,))
    assert await asyncio.wait_for(seen.get(), 10) == "refreshed"
    await b.forget_all()
    assert await asyncio.wait_for(seen.get(), 10) == "refreshed", "something may have been missed"
    assert a.loads["w1"].in_flight == 2
