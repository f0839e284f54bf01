from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.support.servers import PostgresServer

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.membership import Membership, NotAloneError, identify
from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.store import nodes
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import NODES
from phantom_gateway.wire.tasks import TaskGroup


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    opened = postgres.open(postgres.migrated())
    yield opened
    opened.close()


def member(database: Database, directory: Path, name: str, limiter: str = "") -> Membership:
    return Membership(AsyncDatabase(database), identify(directory / name, limiter))


def test_a_node_keeps_its_name_and_a_copy_gets_another(tmp_path: Path) -> None:
    path = tmp_path / "node.id"
    first, again = identify(path, ""), identify(path, "")
    assert first.id == again.id
    assert first.boot != again.boot
    shutil.copy(path, tmp_path / "copy.id")
    assert identify(tmp_path / "copy.id", "").id != first.id
    assert path.stat().st_mode & 0o777 == 0o600


async def test_the_second_is_refused_while_the_first_lives(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phantom_gateway.control.membership.BEAT_SECONDS", 0.1)
    first, tasks = member(database, tmp_path, "a"), TaskGroup()
    await first.enter()
    tasks.spawn(first.run(), "beat")
    with pytest.raises(NotAloneError, match="REDIS_HOST"):
        await member(database, tmp_path, "b").enter()
    with pytest.raises(NotAloneError, match="without a Redis"):
        await member(database, tmp_path, "c", "redis").enter()
    await tasks.cancel()
    await first.leave()
    await first.living()  # a beat that was on its way
    await member(database, tmp_path, "b").enter()


async def test_another_redis_is_named_as_the_reason(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phantom_gateway.control.membership.BEAT_SECONDS", 0.1)
    first, tasks = member(database, tmp_path, "a", "one"), TaskGroup()
    await first.enter()
    tasks.spawn(first.run(), "beat")
    await member(database, tmp_path, "same", "one").enter()
    with pytest.raises(NotAloneError, match="another Redis"):
        await member(database, tmp_path, "b", "two").enter()
    await tasks.cancel()


async def test_one_that_has_died_is_waited_for_until_that_is_sure(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await member(database, tmp_path, "a").enter()
    with database.write() as connection:
        connection.execute(sa.update(NODES).values(seen_at=NODES.c.seen_at - nodes.DEAD_SECONDS + 0.5))
    monkeypatch.setattr("phantom_gateway.control.membership.BEAT_SECONDS", 0.8)
    await member(database, tmp_path, "b").enter()


async def test_who_lives_and_who_has_gone_without_a_word(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phantom_gateway.control.membership.BEAT_SECONDS", 0.05)
    a, b = member(database, tmp_path, "a", "r"), member(database, tmp_path, "b", "r")
    await a.enter()
    await b.enter()
    assert await a.living() == {a.me.id, b.me.id}
    dead = asyncio.Event()

    async def on_death() -> None:
        dead.set()

    a.on_death, tasks = on_death, TaskGroup()
    tasks.spawn(a.run(), "beat")
    async with asyncio.timeout(10):
        while a.count != 2:  # noqa: ASYNC110 # looked at from outside
            await asyncio.sleep(0.01)
        with database.write() as connection:
            gone = sa.update(NODES).where(NODES.c.id == b.me.id)
            connection.execute(gone.values(seen_at=NODES.c.seen_at - nodes.DEAD_SECONDS - 1))
        await dead.wait()
    assert a.count == 1
    await tasks.cancel()


async def test_without_the_database_nobody_knows(tmp_path: Path, postgres: PostgresServer) -> None:
    database = postgres.open(postgres.url("no_such_database"))
    lost = member(database, tmp_path, "a")
    with pytest.raises(TruthUnavailable):
        await lost.living()
    await lost.leave()
