"""Remembers, in the data directory, how far the audit log has been; so a tail that was cut off is noticed.

Once a second the end of the log is compared with what is remembered. It is followed forward only, and only while the log
still contains what was remembered: a log that was shortened or rewritten is reported and never becomes the new truth by itself.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

import sqlalchemy as sa

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.security import audit_memory
from phantom_gateway.security.audit_chain import Head
from phantom_gateway.security.audit_memory import RememberedHeadError
from phantom_gateway.store import audit
from phantom_gateway.store.audit import AuditError
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

SECONDS = 1.0


class AuditWatch:
    """Follows the log of one database for one data directory."""

    def __init__(self, database: AsyncDatabase, data_dir: Path) -> None:
        self._database = database
        self._data_dir = data_dir
        self._tasks = TaskGroup()
        self._failing = False
        self.problem = ""
        """Why the log is not followed; empty when it is."""

    def start(self) -> None:
        """Follow from now on."""
        self._tasks.spawn(self._follow(), "audit watch")

    async def stop(self) -> None:
        """Remember the last record and let go."""
        await self._tasks.cancel()
        await self.look()

    async def look(self) -> None:
        """Compare once. Raises nothing: what is wrong is in ``problem`` and, when it is news, in the log."""
        try:
            problem = await self._database.read(self._advance)
        except (AuditError, RememberedHeadError) as error:
            problem = str(error)
        except (DatabaseError, OSError) as error:
            if not self._failing:
                log.warning("the end of the audit log is not remembered at the moment (%s)", type(error).__name__)
            self._failing = True
            return
        self._failing = False
        if problem and problem != self.problem:
            log.error("audit log: %s; `phantom audit verify` says more", problem)
        self.problem = problem

    async def _follow(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(SECONDS)

    def _advance(self, connection: sa.Connection) -> str:
        known = audit_memory.read(self._data_dir) or Head()
        head = audit.head_of(connection)
        if head == known:
            return ""
        if known.seq:
            stored = audit.get(connection, known.seq)
            if stored is None:
                return f"record {known.seq} was there and is not any more"
            if stored.hash != known.hash:
                return f"record {known.seq} is not the one that was there"
        audit_memory.write(self._data_dir, head)
        return ""
