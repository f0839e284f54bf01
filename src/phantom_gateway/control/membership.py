"""This node among those that use the same database: its name, whether it may start, that it lives, who else does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import threading
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.store import nodes
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.store.nodes import BEAT_SECONDS, DEAD_SECONDS, NodeRow

log = logging.getLogger(__name__)


class NotAloneError(Exception):
    """Another node uses this database and does not share its limits with this one."""


def identify(path: Path, limiter: str) -> NodeRow:
    """This node, in a new life. Its id is kept in ``path`` and belongs to that very file: a copied directory is another node."""
    known, _, inode = path.read_text(encoding="ascii").partition(" ") if path.exists() else ("", "", "")
    if not known or inode.strip() != str(path.stat().st_ino):
        known = secrets.token_hex(8)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{known} {os.fstat(descriptor).st_ino}\n")
            file.flush()
            os.fsync(descriptor)
    return NodeRow(
        id=known,
        name=socket.gethostname()[:255],
        boot=secrets.token_hex(8),
        release=version("phantom-gateway"),
        limiter=limiter,
    )


class Membership:
    """Lives on the event loop; the database is asked in threads."""

    def __init__(self, database: AsyncDatabase, me: NodeRow) -> None:
        self._database = database
        self.me = me
        self._others: dict[str, str] = {}
        self._turn = threading.Lock()
        self._left = False
        self.on_death: Callable[[], Awaitable[None]] | None = None
        """Called when a node has ended without a word: what it changed last may not have been told."""

    async def enter(self) -> None:
        """Take part. Raises NotAloneError, after making sure that the other node really lives, and DatabaseError."""
        seen: dict[str, float] = {}
        against: list[NodeRow] = []
        for _ in range(int(DEAD_SECONDS / BEAT_SECONDS) + 3):
            against = await self._database.run(lambda: nodes.enter(self._database.database, self.me))
            if not against:
                return
            for row in against:
                if row.seen_at > seen.setdefault(row.id, row.seen_at):
                    raise NotAloneError(_reason(row, self.me))
            await asyncio.sleep(BEAT_SECONDS / 2)
        raise NotAloneError(_reason(against[0], self.me))

    async def living(self) -> frozenset[str]:
        """The ids of all nodes that live. Raises TruthUnavailable."""
        try:
            rows = await self._database.run(self._say)
        except DatabaseError as error:
            raise TruthUnavailable from error
        return frozenset(row.id for row in rows) | {self.me.id}

    async def run(self) -> None:
        """Say that this node lives, until cancelled."""
        while True:
            with contextlib.suppress(DatabaseError):
                await self._beat()
            await asyncio.sleep(BEAT_SECONDS)

    async def leave(self) -> None:
        """End in good order."""
        with contextlib.suppress(DatabaseError):
            await self._database.run(self._take_leave)

    @property
    def count(self) -> int:
        """How many nodes live, this one included, as far as known."""
        return len(self._others) + 1

    # --- in threads: a beat that is on its way when the node leaves must not bring it back ---

    def _say(self) -> list[NodeRow]:
        with self._turn:
            return [] if self._left else nodes.beat(self._database.database, self.me)

    def _take_leave(self) -> None:
        with self._turn:
            self._left = True
            nodes.leave(self._database.database, self.me.id)

    async def _beat(self) -> None:
        rows = await self._database.run(self._say)
        now = {row.id: row.name for row in rows if row.id != self.me.id}
        gone = [name for node, name in self._others.items() if node not in now]
        for name in gone:
            log.warning("node %s is gone", name)
        for node, name in now.items():
            if node not in self._others:
                log.info("node %s (%s) shares this database", name, node)
        self._others = now
        if gone and self.on_death is not None:
            await self.on_death()


def _reason(other: NodeRow, me: NodeRow) -> str:
    where = f"another node ({other.name}) uses this database"
    if not me.limiter:
        return (
            f"{where}, and no Redis is configured through which both could share budgets and limits: set REDIS_HOST or REDIS_URL "
            "(or general_settings.coordination_redis) on every node, or give each node a database of its own"
        )
    if not other.limiter:
        return (
            f"{where} without a Redis to share limits through: configure the same Redis there and start it again first"
        )
    return f"{where} and shares limits through another Redis: write the same address on every node"
