"""Several nodes on one PostgreSQL: what control runs for it beside everything else.

Limits are shared through Redis, changes of keys are told through the database. With SQLite there is one node and none of this.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from phantom_gateway.config.database_address import PostgresAddress
from phantom_gateway.control.backends import Backends
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.leases import Leases
from phantom_gateway.control.membership import Membership, identify
from phantom_gateway.control.places import DataDirectory
from phantom_gateway.control.spine_server import SpineServer
from phantom_gateway.control.telling import Telling
from phantom_gateway.limits.epochs import EpochKeeper
from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.limits.recalls import Recalls
from phantom_gateway.limits.redis_counters import Key, RedisCounters
from phantom_gateway.limits.redis_link import RedisLink
from phantom_gateway.limits.shared import SharedAuthority
from phantom_gateway.store import nodes, partitions, spend
from phantom_gateway.store.database import Database, DatabaseError
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

PARTITIONS_SECONDS = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class _Sharing:
    """The parts of the shared limiter."""

    link: RedisLink
    authority: SharedAuthority
    keeper: EpochKeeper


class Cluster:
    """Made before the journals are followed, connected to the rest once that exists."""

    def __init__(self, backends: Backends, database: Database, places: DataDirectory) -> None:
        assert isinstance(backends.database, PostgresAddress)
        self._address = backends.database
        self._redis = backends.redis
        self._timeout_s = backends.pool.timeout_s
        self._database = AsyncDatabase(database)  # threads of its own: the heartbeat waits for no query
        self._installation = nodes.installation(database)
        limiter = "" if self._redis is None else self._redis.fingerprint
        self.membership = Membership(self._database, identify(places.root / "node.id", limiter))
        self._tasks = TaskGroup()
        self._sharing: _Sharing | None = None
        self._recalls: Recalls | None = None
        self._telling: Telling | None = None

    @property
    def node(self) -> str:
        """This node's id."""
        return self.membership.me.id

    async def enter(self) -> None:
        """Take part. Raises NotAloneError and DatabaseError."""
        await self.membership.enter()

    def authority(self, database: AsyncDatabase, awaiting: Sequence[str], now: float) -> SharedAuthority | None:
        """The authority over limits, ``None`` when there is nothing to share them through."""
        if self._redis is None:
            return None

        async def read(keys: Sequence[Key]) -> dict[Key, tuple[int, int]]:
            try:
                return await database.read(lambda connection: spend.versions(connection, keys))
            except DatabaseError as error:
                raise TruthUnavailable from error

        link = RedisLink(self._redis)
        authority = SharedAuthority(
            RedisCounters(link, self._installation, self.node), read, awaiting=awaiting, now=now
        )
        self._sharing = _Sharing(link, authority, EpochKeeper(authority, self.membership.living))
        return authority

    def begin(self, spine: SpineServer, leases: Leases) -> Telling:
        """Begin; what is told of changed keys from now on reaches all nodes."""
        telling = self._telling = Telling(spine, self._database, self._address, self.node, self._timeout_s)
        self.membership.on_death = telling.forget_all
        self._tasks.spawn(self.membership.run(), "heartbeat of the node")
        self._tasks.spawn(self._make_partitions(), "partitions of the request log")
        telling.start()
        if self._sharing is not None:
            sharing = self._sharing

            async def answer(scope: str) -> None:
                await leases.recall_here(scope)
                await sharing.authority.say()

            channel = f"{sharing.authority.counters.prefix}:recalls"
            self._recalls = Recalls(sharing.link, channel, self.node, answer)
            self._recalls.on_forget = telling.heard
            telling.through_redis = self._recalls.tell
            leases.courier = self._recalls
            self._tasks.spawn(sharing.keeper.run(), "shared limiter")
            self._tasks.spawn(self._recalls.run(), "recalls of other nodes")
        return telling

    async def _make_partitions(self) -> None:
        while True:
            await asyncio.sleep(PARTITIONS_SECONDS)
            try:
                await self._database.run(lambda: partitions.prepare(self._database.database, time.time()))
            except DatabaseError as error:
                log.warning("the next months have no partitions yet (%s)", type(error).__name__)

    async def stop(self) -> None:
        """Say the last words; call it when the journals are taken in."""
        if self._telling is not None:
            await self._telling.stop()
        await self._tasks.cancel()
        if self._recalls is not None:
            await self._recalls.stop()
        if self._sharing is not None:
            await self._sharing.keeper.step()
            await self._sharing.link.close()
        await self.membership.leave()
        self._database.finish()
