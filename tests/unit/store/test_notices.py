from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import psycopg
import pytest
from tests.support.servers import PostgresServer

from phantom_gateway.config.database_address import PostgresAddress, parse_database_url
from phantom_gateway.store import notices
from phantom_gateway.store.database import Database
from phantom_gateway.store.notices import CHANNEL, MOST_KEYS, Listener
from phantom_gateway.wire.tasks import TaskGroup


class Node:
    """What one node heard."""

    def __init__(self, url: str, name: str) -> None:
        address = parse_database_url(url)
        assert isinstance(address, PostgresAddress)
        self.heard: list[tuple[str, ...]] = []
        self.listener = Listener(address, name, self.forget)

    async def forget(self, keys: tuple[str, ...]) -> None:
        self.heard.append(keys)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)


@pytest.fixture
def url(postgres: PostgresServer) -> str:
    return postgres.migrated()


@pytest.fixture
async def node(url: str) -> AsyncIterator[Node]:
    made, tasks = Node(url, "me"), TaskGroup()
    tasks.spawn(made.listener.run(), "listener")
    await asyncio.wait_for(made.listener.listening.wait(), 10)
    yield made
    await tasks.cancel()


@pytest.fixture
async def database(postgres: PostgresServer, url: str) -> AsyncIterator[Database]:
    opened = postgres.open(url)
    yield opened
    opened.close()


async def test_others_are_heard_and_oneself_is_not(node: Node, database: Database) -> None:
    assert node.heard == [()]  # what was changed before it listened
    notices.announce(database, "me", ["mine"])
    notices.announce(database, "other", ["k1", "k2"])
    await until(lambda: len(node.heard) == 2)
    assert node.heard == [(), ("k1", "k2")]


async def test_many_keys_are_all_keys(node: Node, database: Database) -> None:
    notices.announce(database, "other", ["a" * 64] * MOST_KEYS)
    notices.announce(database, "other", ["a" * 64] * (MOST_KEYS + 1))
    await until(lambda: len(node.heard) == 3)
    assert [len(keys) for keys in node.heard] == [0, MOST_KEYS, 0]


async def test_after_an_interruption_everything_is_forgotten(node: Node, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    await until(lambda: node.heard == [(), ()])


async def test_what_is_not_understood_means_everything(node: Node, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SELECT pg_notify(%s, 'nonsense')", (CHANNEL,))
    await until(lambda: node.heard == [(), ()])
