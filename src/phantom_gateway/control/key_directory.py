"""Key records by digest, from memory or from the database.

A record that was read before a change and arrives after it would bring a revoked key back to life. Hence ``epoch``: it
counts changes; a look-up during which it moved is made again, and the caller continues without yielding to the loop, so
that nothing can come between the last look and the use of its result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.keys.record import record_of
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import keys

MAX_RECORDS = 50_000


class KeyDirectory:
    """Lives on the event loop."""

    def __init__(self, database: AsyncDatabase, master: Callable[[], KeyRecord], epoch: int) -> None:
        self._database = database
        self._master = master
        self._records: dict[str, KeyRecord] = {}
        self.epoch = epoch
        """Counts forgettings. It starts at a number never used before, so that workers notice a restart."""

    async def find(self, digest: str) -> KeyRecord | None:
        """The record with this digest; ``None`` when there is none. Raises DatabaseError."""
        master = self._master()
        if digest == master.id:
            return master
        known = self._records.get(digest)
        while known is None:
            epoch = self.epoch
            row = await self._database.read(lambda connection: keys.get(connection, digest))
            if epoch != self.epoch:
                continue
            if row is None:
                return None
            known = record_of(row)
            if len(self._records) >= MAX_RECORDS:
                self._records.clear()
            self._records[digest] = known
        return known

    def forget(self, key_ids: Iterable[str]) -> None:
        """These keys have changed; none named means all."""
        self.epoch += 1
        named = tuple(key_ids)
        if not named:
            self._records.clear()
        for key_id in named:
            self._records.pop(key_id, None)
