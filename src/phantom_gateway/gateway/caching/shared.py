"""Answers in a Redis that several workers and nodes share, sealed: who reads there learns nothing, who writes there is not heard.

Redis is never needed: what it does not answer in time is a miss, and what it does not take is not kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from phantom_gateway.gateway.caching.entry import OVERHEAD, Entry, decode, encode
from phantom_gateway.security.sealed_entry import EntrySealer
from phantom_gateway.wire.redis_client import RedisClient, RedisDown, RedisRefused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from phantom_gateway.spine.snapshot import CacheRules
    from phantom_gateway.wire.egress import Egress
    from phantom_gateway.wire.tasks import TaskGroup

from phantom_gateway.wire.origin import Origin

MAX_WRITES = 64
"""Entries on their way to Redis; what is beyond is not kept."""


class SharedStore:
    """Belongs to one worker. ``rules.redis`` must be there."""

    def __init__(self, rules: CacheRules, egress: Egress, tasks: TaskGroup) -> None:
        place = rules.redis
        assert place is not None, "asked only where there is a Redis"
        self._sealer = EntrySealer(rules.secret)
        self._tasks = tasks
        self._writes = 0
        login = (place.username, place.password, place.db)
        self._client = RedisClient(
            egress, Origin.of(place.address), login, rules.timeout_s, rules.max_answer + 4 * OVERHEAD
        )

    async def get(self, name: str, now: float) -> Entry | None:
        """The entry, if Redis has it, says so in time, and it is one of ours."""
        key = self._sealer.place(name).encode()
        try:
            value = await self._client.do("GET", key)
        except (RedisDown, RedisRefused):
            return None
        content = self._sealer.open(key, value) if isinstance(value, bytes) else None
        if content is None:
            return None
        try:
            entry = decode(content)
        except msgspec.MsgspecError:
            return None  # of a release that keeps something else
        return entry if entry.until > now else None

    def put(self, name: str, entry: Entry, now: float) -> None:
        """Send an entry on its way."""
        milliseconds = int((entry.until - now) * 1000)
        if milliseconds <= 0 or self._writes >= MAX_WRITES:
            return
        self._writes += 1
        self._tasks.spawn(self._put(self._sealer.place(name).encode(), entry, milliseconds), "keep an answer")

    async def _put(self, key: bytes, entry: Entry, milliseconds: int) -> None:
        try:
            await self._client.do("SET", key, self._sealer.seal(key, encode(entry)), "PX", milliseconds)
        except (RedisDown, RedisRefused):
            return
        finally:
            self._writes -= 1

    def forget(self, names: Iterable[str]) -> None:
        """Control takes them out of Redis."""

    def clear(self) -> None:
        """Control empties Redis."""

    def sweep(self, now: float) -> None:
        """Redis does that."""

    async def close(self) -> None:
        """End the connection."""
        await self._client.close()
