"""What nodes tell each other through PostgreSQL: which keys have changed (NOTIFY), so that nobody serves an old record.

A node that was not listening for a moment cannot know what it missed: it is told so (``missed``) and forgets everything.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import psycopg
import sqlalchemy as sa

from phantom_gateway.config.database_address import PostgresAddress
from phantom_gateway.store.database import Database
from phantom_gateway.store.postgres import connection_arguments

log = logging.getLogger(__name__)

CHANNEL = "phantom_changes"
MOST_KEYS = 100
"""In one notice, whose size PostgreSQL limits to 8,000 bytes; more than that is "all"."""
LISTEN_SECONDS = 5.0
"""Without a notice for so long, the connection is looked at."""
AGAIN_SECONDS = 0.5

_NOTIFY = sa.text("SELECT pg_notify(:channel, :payload)")


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Keys to forget; none named means all."""

    origin: str
    keys: tuple[str, ...] = ()


def announce(database: Database, origin: str, keys: Sequence[str]) -> None:
    """Tell all other nodes. Raises DatabaseError."""
    named = tuple(keys) if len(keys) <= MOST_KEYS else ()
    payload = msgspec.json.encode(Notice(origin=origin, keys=named)).decode()
    with database.engine.begin() as connection:
        connection.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})


class Listener:
    """Hears the notices of other nodes, on a connection of its own."""

    def __init__(
        self,
        address: PostgresAddress,
        origin: str,
        forget: Callable[[tuple[str, ...]], Awaitable[None]],
        timeout_s: float = 5.0,
    ) -> None:
        """``forget(keys)`` is called for each notice of others, and with no keys (all) whenever some may have been missed."""
        self._arguments = connection_arguments(address, timeout_s)
        self._origin = origin
        self._forget = forget
        self.listening = asyncio.Event()

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            try:
                await self._listen()
            except (psycopg.Error, OSError) as error:
                if self.listening.is_set():
                    log.warning("changes of other nodes are not heard at the moment (%s)", type(error).__name__)
            self.listening.clear()
            await asyncio.sleep(AGAIN_SECONDS)

    async def _listen(self) -> None:
        connection = await psycopg.AsyncConnection.connect(autocommit=True, **self._arguments)
        async with connection:
            await connection.execute(f"LISTEN {CHANNEL}".encode())
            await self._forget(())
            self.listening.set()
            while True:
                async for notice in connection.notifies(timeout=LISTEN_SECONDS):
                    await self._hear(notice.payload)
                await connection.execute(b"SELECT 1")

    async def _hear(self, payload: Any) -> None:
        try:
            notice = msgspec.json.decode(payload, type=Notice)
        except msgspec.DecodeError:
            log.warning("a notice of another node is not understood; everything is forgotten")
            notice = Notice(origin="")
        if notice.origin != self._origin:
            await self._forget(notice.keys)
