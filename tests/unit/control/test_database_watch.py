from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from tests.unit.control.rig import Rig

from phantom_gateway.control.database_watch import DatabaseWatch
from phantom_gateway.spine.messages import Heartbeat
from phantom_gateway.store import schema
from phantom_gateway.store.database import Database, open_sqlite


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  there is no event to wait for
            await asyncio.sleep(0.02)


def take_away(path: Path, database: Database) -> None:
    path.rename(path.with_name("gone.db"))
    path.mkdir()
    database.engine.dispose()


def bring_back(path: Path) -> None:
    path.rmdir()
    path.with_name("gone.db").rename(path)


async def test_it_tells_the_present_without_being_asked(tmp_path: Path) -> None:
    path = tmp_path / "phantom.db"
    database = open_sqlite(path)
    schema.migrate(database)
    watch, told = DatabaseWatch(database), list[bool]()
    watch.start(lambda: told.append(watch.ok))
    take_away(path, database)
    await until(lambda: not watch.ok)
    bring_back(path)
    await until(lambda: watch.ok)
    await watch.stop()
    assert told == [False, True]
    database.close()


async def test_a_database_that_hangs_is_away_until_it_answers(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "phantom.db")
    schema.migrate(database)
    hanging = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Hanging(Database):
        def read(self) -> object:  # type: ignore[override]
            asyncio.run_coroutine_threadsafe(hanging.wait(), loop).result(30)
            return super().read()

    watch = DatabaseWatch(Hanging(database.engine))
    watch.start(lambda: None)
    await until(lambda: not watch.ok)
    hanging.set()
    await until(lambda: watch.ok)
    await watch.stop()
    database.close()


async def test_workers_hear_of_it_though_nobody_uses_the_database(control: Rig) -> None:
    """Nor is a journal that cannot be stored mistaken for a database that is away, or the other way round."""
    database, path = control.services.database.database, control.path / "phantom.db"
    async with control.worker() as worker:
        take_away(path, database)
        async with asyncio.timeout(20):
            while (await worker.expect(Heartbeat)).database_ok:
                pass
            bring_back(path)
            while not (await worker.expect(Heartbeat)).database_ok:
                pass
