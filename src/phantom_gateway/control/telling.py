"""Changes of keys, told to this node's workers and to all other nodes.

Through the database, and through Redis where there is one: behind a pooler that hands sessions around the database tells nobody,
and Redis tells nobody while it is away.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping

from phantom_gateway.config.database_address import PostgresAddress
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.services import CONFIGURATION, Workers
from phantom_gateway.limits.redis_link import LinkDown, LinkGarbage
from phantom_gateway.spine.messages import CACHED_ALL, DeploymentHealth, KeyRecord, Load
from phantom_gateway.store import notices
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

AGAIN_SECONDS = 0.5


class Telling:
    """Stands where the admin API expects the workers (``services.Workers``)."""

    def __init__(
        self, workers: Workers, database: AsyncDatabase, address: PostgresAddress, node: str, timeout_s: float
    ) -> None:
        self._workers = workers
        self._database = database
        self._node = node
        self._listener = notices.Listener(address, node, self.heard, timeout_s)
        self._tasks = TaskGroup()
        self.through_redis: Callable[[tuple[str, ...]], Awaitable[None]] | None = None
        self.refresh: Callable[[], Awaitable[object]] | None = None
        """Serves anew what the database says of models, credentials, fallbacks and settings."""

    def start(self) -> None:
        """Listen from now on."""
        self._tasks.spawn(self._listener.run(), "changes of other nodes")

    async def stop(self) -> None:
        """Stop listening and telling."""
        await self._tasks.cancel()

    @property
    def listening(self) -> asyncio.Event:
        """Set while other nodes are heard."""
        return self._listener.listening

    @property
    def ready_workers(self) -> int:
        """Workers connected and greeted."""
        return self._workers.ready_workers

    @property
    def loads(self) -> Mapping[str, Load]:
        """The last load each connected worker of this node has reported."""
        return self._workers.loads

    @property
    def healths(self) -> Mapping[str, Mapping[str, DeploymentHealth]]:
        """What each connected worker of this node has learnt of the deployments."""
        return self._workers.healths

    async def explain(
        self, key: KeyRecord, path: str, headers: tuple[tuple[str, str], ...], body: bytes
    ) -> bytes | None:
        """What would happen to a request, from a worker of this node."""
        return await self._workers.explain(key, path, headers, body)

    async def invalidate(self, key_ids: tuple[str, ...]) -> None:
        """Make every worker of this node forget these keys, and tell the other nodes to do so."""
        told = self._tasks.spawn(self._tell(key_ids), "tell other nodes")
        if self.through_redis is not None:
            self._tasks.spawn(self._tell_through_redis(key_ids), "tell other nodes through Redis")
        await self._workers.invalidate(key_ids)
        await asyncio.wait((told,), timeout=AGAIN_SECONDS)

    async def heard(self, key_ids: tuple[str, ...]) -> None:
        """Another node says so. Does not wait: one worker that does not confirm must not hold up the next change."""
        self._tasks.spawn(self._workers.invalidate(key_ids), "forget keys")
        if not key_ids or CONFIGURATION in key_ids:
            self._refresh()

    async def forget_all(self) -> None:
        """Something may have been missed."""
        self._refresh()
        await self._workers.invalidate(())
        await self._workers.invalidate((CACHED_ALL,))

    def _refresh(self) -> None:
        if self.refresh is not None:
            self._tasks.spawn(self._refreshed(self.refresh), "changes of models on other nodes")

    @staticmethod
    async def _refreshed(refresh: Callable[[], Awaitable[object]]) -> None:
        await refresh()

    async def _tell_through_redis(self, key_ids: tuple[str, ...]) -> None:
        if self.through_redis is not None:
            with contextlib.suppress(LinkDown, LinkGarbage):
                await self.through_redis(key_ids)

    async def _tell(self, key_ids: tuple[str, ...]) -> None:
        """Until it is told: a change that is committed must become known."""
        while True:
            try:
                await self._database.run(lambda: notices.announce(self._database.database, self._node, key_ids))
            except DatabaseError as error:
                log.warning("a change of keys is not told to other nodes yet (%s)", type(error).__name__)
                await asyncio.sleep(AGAIN_SECONDS)
            else:
                return
