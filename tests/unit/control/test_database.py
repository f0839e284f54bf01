from __future__ import annotations

import asyncio
import threading

import pytest
import sqlalchemy as sa
from tests.unit.control.rig import Rig

from phantom_gateway.store.tables import FACTS


def count(connection: sa.Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(FACTS).where(FACTS.c.name == "a")).scalar_one()


async def test_the_loop_does_not_wait_for_the_database(control: Rig) -> None:
    release, entered = threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(connection: sa.Connection) -> int:
        loop.call_soon_threadsafe(entered.set)
        assert release.wait(10)
        return count(connection)

    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(control.services.database.read(slow))
        await entered.wait()
        assert await control.services.database.read(count) == 0
        release.set()
    assert waiting.result() == 0


async def test_a_change_that_raises_is_taken_back(control: Rig) -> None:
    def fail(connection: sa.Connection) -> None:
        connection.execute(sa.insert(FACTS).values(name="a", value="b"))
        raise LookupError

    with pytest.raises(LookupError):
        await control.services.database.write(fail)
    assert await control.services.database.read(count) == 0
