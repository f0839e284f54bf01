from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.servers import PostgresServer, RedisServer
from tests.unit.control.rig import SNAPSHOT
from tests.unit.store.samples import KEY_ID, closed

from phantom_gateway.config.loader import parse_config
from phantom_gateway.control.backends import backends_of
from phantom_gateway.control.cluster import Cluster
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.database_watch import DatabaseWatch
from phantom_gateway.control.entities.chain import master_record
from phantom_gateway.control.ingestion import Ingestion
from phantom_gateway.control.key_directory import KeyDirectory
from phantom_gateway.control.leases import Leases
from phantom_gateway.control.places import DataDirectory
from phantom_gateway.control.services import Configuration
from phantom_gateway.control.spine_server import SpineParts, SpineServer
from phantom_gateway.control.subjects import SubjectDirectory
from phantom_gateway.ledger.journal import Journal
from phantom_gateway.limits.lending import Grant
from phantom_gateway.limits.shared import SharedAuthority
from phantom_gateway.spine.messages import HeldLease, Limit
from phantom_gateway.store.tables import NODES

BUDGET = Limit(scope=f"budget:key:{KEY_ID}:", kind="budget", entity=f"key:{KEY_ID}", amount=100, window="")


class Node:
    """Control's parts that several nodes need, in order of start."""

    def __init__(self, path: Path, environment: dict[str, str]) -> None:
        places = DataDirectory(path)
        path.mkdir(exist_ok=True)
        backends = backends_of(parse_config("{}", environment), environment, places.database)
        self.database = AsyncDatabase(backends.open())
        self.cluster = Cluster(backends, self.database.database, places)
        self.ingestion = Ingestion(
            places.journal,
            self.database.database,
            self.cluster.node,
            lambda awaiting, now: self.cluster.authority(self.database, awaiting, now),
        )
        self.leases: Leases

    async def start(self) -> None:
        await self.cluster.enter()
        self.ingestion.start(time.time())
        self.leases = Leases(self.ingestion.authority)
        directory = KeyDirectory(self.database, lambda: master_record("m"), epoch=1)
        configuration = Configuration(SNAPSHOT, 1.0)
        subjects = SubjectDirectory(self.database, configuration)
        watch = DatabaseWatch(self.database.database)
        parts = SpineParts(configuration, directory, self.leases, self.ingestion, time.time, subjects, watch)
        self.cluster.begin(SpineServer(parts), self.leases)

    async def ask(self, need: int) -> Grant:
        answer = await self.ingestion.authority.decide("w1", BUDGET, need, need, time.time(), recalled=True)
        assert isinstance(answer, Grant)
        return answer

    async def stop(self) -> None:
        await self.leases.stop()
        await self.ingestion.stop()
        await self.cluster.stop()
        self.database.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)


@pytest.fixture
def environment(postgres: PostgresServer, redis_server: RedisServer) -> dict[str, str]:
    return {"DATABASE_URL": postgres.migrated(), "REDIS_URL": redis_server.url}


async def granted(node: Node, need: int) -> int:
    """As soon as the shared limiter is complete."""
    async with asyncio.timeout(10):
        while (answer := await node.ask(need)).reason in ("recovering", "unavailable"):  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.02)
    return answer.granted


async def test_what_one_node_spends_the_other_knows(tmp_path: Path, environment: dict[str, str]) -> None:
    a, b = Node(tmp_path / "a", environment), Node(tmp_path / "b", environment)
    for node in (a, b):
        await node.start()
    journal = Journal(tmp_path / "a" / "journal" / "w1", "w1", reserve_bytes=4096)
    journal.open()
    a.ingestion.authority.hello("w1", (), time.time())
    b.ingestion.authority.hello("w1", (), time.time())
    assert await granted(a, 60) == 60
    assert await granted(b, 41) == 0
    journal.append(closed(0, cost=55))
    await a.ingestion.catch_up("w1", 1)
    a.ingestion.authority.give_back("w1", BUDGET.scope, 0.0, 5)
    async with asyncio.timeout(10):
        while not (await b.ask(45)).granted:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.02)
    assert (await b.ask(1)).used == 100
    await journal.close()
    for node in (b, a):
        await node.stop()


async def test_a_node_that_ends_in_order_leaves_nothing_behind(
    tmp_path: Path, environment: dict[str, str], redis_server: RedisServer
) -> None:
    a = Node(tmp_path / "a", environment)
    await a.start()
    assert isinstance(a.ingestion.authority, SharedAuthority)
    a.ingestion.authority.hello("w1", (HeldLease(scope=BUDGET.scope, window_start=0.0, amount=30, limit=BUDGET),), 1.0)
    assert await granted(a, 70) == 70
    a.ingestion.authority.gone("w1")
    database = a.database.database
    await a.stop()
    fields = [
        value
        for key in redis_server.client().scan_iter("*:c:*")
        for value in redis_server.client().hgetall(key).items()
    ]
    assert all(value.startswith(b"0:") for name, value in fields if name.startswith(b"n:"))
    with database.read() as connection:
        assert connection.execute(NODES.select()).all() == []
    database.close()


async def test_without_redis_a_node_counts_by_itself(tmp_path: Path, postgres: PostgresServer) -> None:
    a = Node(tmp_path / "a", {"DATABASE_URL": postgres.migrated()})
    await a.start()
    assert not a.ingestion.authority.versioned
    a.ingestion.authority.hello("w1", (), time.time())
    assert (await a.ask(100)).granted == 100
    await a.stop()
