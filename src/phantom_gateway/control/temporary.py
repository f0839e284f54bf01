"""What ends by itself: temporary increases of budgets. When one ends, workers are told to forget whom it belonged to.

A worker decides by a record that was right when it was made. Moments are kept in memory and read from the database at start
and then once in a while, so that none is lost with the process that took it.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
from collections.abc import Callable
from functools import partial

import sqlalchemy as sa

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.services import Workers
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.store.tables import KEYS
from phantom_gateway.store.tenancy_tables import (
    CUSTOMERS,
    ORGANIZATION_MEMBERS,
    ORGANIZATIONS,
    PROJECTS,
    TAGS,
    TEAM_MEMBERS,
    TEAMS,
    USERS,
)
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

READ_SECONDS = 60.0
LATE_SECONDS = 0.005
"""Workers are told a little later than the moment, so that a record made at once is one of after it."""

_NAMES: dict[str, sa.ColumnElement[str]] = {
    "key": KEYS.c.id,
    "user": USERS.c.id,
    "team": TEAMS.c.id,
    "org": ORGANIZATIONS.c.id,
    "project": PROJECTS.c.id,
    "customer": CUSTOMERS.c.id,
    "tag": TAGS.c.id,
}


class TemporaryLimits:
    """Lives on the event loop; ``note`` may be called from any thread."""

    def __init__(self, database: AsyncDatabase, workers: Workers, clock: Callable[[], float]) -> None:
        self._database = database
        self._workers = workers
        self._clock = clock
        self._tasks = TaskGroup()
        self._ends: list[tuple[float, str]] = []
        self._poked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Watch from now on."""
        self._loop = asyncio.get_running_loop()
        self._tasks.spawn(self._watch(), "temporary limits")
        self._tasks.spawn(self._read(), "temporary limits in the database")

    async def stop(self) -> None:
        """Stop watching."""
        await self._tasks.cancel()

    def note(self, entity: str, at: float) -> None:
        """``entity`` has something that ends at Unix time ``at``."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._add, entity, at)

    def _add(self, entity: str, at: float) -> None:
        heapq.heappush(self._ends, (at, entity))
        self._poked.set()

    async def _watch(self) -> None:
        while True:
            now = self._clock()
            over = set()
            while self._ends and self._ends[0][0] + LATE_SECONDS <= now:
                over.add(heapq.heappop(self._ends)[1])
            if over:
                await self._workers.invalidate(tuple(sorted(over)))
            await self._wait(self._ends[0][0] + LATE_SECONDS - self._clock() if self._ends else READ_SECONDS)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(max(0.0, min(seconds, READ_SECONDS))):
                await self._poked.wait()
        except TimeoutError:
            pass
        self._poked.clear()

    async def _read(self) -> None:
        since = self._clock()
        while True:
            now = self._clock()
            try:
                found = await self._database.read(partial(ends, since=since))
            except DatabaseError as error:
                log.warning("temporary limits cannot be read at the moment (%s)", type(error).__name__)
            else:
                # Added to what is known: a change that is being committed is noted and not there yet.
                self._ends = list({*self._ends, *found})
                heapq.heapify(self._ends)
                self._poked.set()
                since = now
            await asyncio.sleep(READ_SECONDS)


def ends(connection: sa.Connection, since: float) -> list[tuple[float, str]]:
    """Every end of a temporary limit after ``since``, with the entity workers must forget then."""
    found: list[tuple[float, str]] = []
    for kind, column in _NAMES.items():
        expiry = column.table.c.temp_expiry
        rows = connection.execute(sa.select(expiry, column).where(expiry > since))
        found += [(at, f"{kind}:{name}") for at, name in rows]
    for table in (TEAM_MEMBERS, ORGANIZATION_MEMBERS):
        members = sa.select(table.c.temp_expiry, table.c.user_id).where(table.c.temp_expiry > since)
        found += [(at, f"user:{name}") for at, name in connection.execute(members)]
    return found
