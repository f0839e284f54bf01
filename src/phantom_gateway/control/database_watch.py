"""Whether the database answers now: asked again and again, so that readiness tells the present and not the last failure."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import sqlalchemy as sa

from phantom_gateway.store.database import Database, DatabaseError
from phantom_gateway.store.tables import FACTS
from phantom_gateway.wire.tasks import TaskGroup

TICK_SECONDS = 0.4
PATIENCE_SECONDS = 0.5
"""After so long without an answer it counts as away; the question stays asked."""
LAST_SECONDS = 1.0


class DatabaseWatch:
    """Asks in a thread of its own, so that it waits behind nobody."""

    def __init__(self, database: Database) -> None:
        self.ok = True
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="database watch")
        self._tasks = TaskGroup()
        self._changed: Callable[[], None] = _nothing
        self._asked: asyncio.Future[bool] | None = None

    def start(self, changed: Callable[[], None]) -> None:
        """Ask from now on; ``changed`` is called when ``ok`` is another than before."""
        self._changed = changed
        self._tasks.spawn(self._watch(), "database watch")

    async def stop(self) -> None:
        """Ask no more, and wait a moment for the answer to what is asked."""
        await self._tasks.cancel()
        if self._asked is not None:
            await asyncio.wait((self._asked,), timeout=LAST_SECONDS)
        self._thread.shutdown(wait=False)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            asked = self._asked = loop.run_in_executor(self._thread, self._answers)
            done, _ = await asyncio.wait((asked,), timeout=PATIENCE_SECONDS)
            if not done:
                self._set(ok=False)
                await asyncio.wait((asked,))
            self._set(ok=asked.result())
            await asyncio.sleep(TICK_SECONDS)

    def _set(self, *, ok: bool) -> None:
        if ok != self.ok:
            self.ok = ok
            self._changed()

    def _answers(self) -> bool:
        try:
            with self._database.read() as connection:
                # Of a table: SQLite answers everything else without its file.
                connection.execute(sa.select(FACTS.c.name).limit(1)).all()
        except (DatabaseError, OSError):
            return False
        return True


def _nothing() -> None:
    """Nobody listens yet."""
