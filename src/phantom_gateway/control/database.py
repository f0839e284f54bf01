"""The database for code on the event loop: every query runs in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import sqlalchemy as sa

from phantom_gateway.store.database import Database

T = TypeVar("T")
THREADS = 4


class AsyncDatabase:
    """Runs functions that take a connection. They must not touch the event loop."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="database")

    async def read(self, query: Callable[[sa.Connection], T]) -> T:
        """The result of ``query`` on a consistent state. Raises what it raises, and DatabaseError."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, query)

    async def write(self, change: Callable[[sa.Connection], T]) -> T:
        """The result of ``change``, committed; nothing is committed when it raises."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._write, change)

    async def run(self, job: Callable[[], T]) -> T:
        """The result of ``job``, which opens its transactions itself."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, job)

    def finish(self) -> None:
        """Wait for what runs."""
        self._threads.shutdown()

    def close(self) -> None:
        """Wait for what runs and close the connections."""
        self.finish()
        self.database.close()

    def _read(self, query: Callable[[sa.Connection], T]) -> T:
        with self.database.read() as connection:
            return query(connection)

    def _write(self, change: Callable[[sa.Connection], T]) -> T:
        with self.database.write() as connection:
            return change(connection)
