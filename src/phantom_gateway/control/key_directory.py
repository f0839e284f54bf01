"""Key records by digest, from memory or from the database.

A record that was read before a change and arrives after it would bring a revoked key back to life. Hence ``epoch``: it
counts changes; a look-up during which it moved is made again, and the caller continues without yielding to the loop, so
that nothing can come between the last look and the use of its result.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

import sqlalchemy as sa

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.entities import chain
from phantom_gateway.control.policy.actor import Actor, load_actor
from phantom_gateway.spine.known_keys import KnownKeys, on_behalf
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import keys

MAX_RECORDS = 50_000


class KeyDirectory:
    """Lives on the event loop."""

    def __init__(self, database: AsyncDatabase, master: Callable[[], KeyRecord], epoch: int) -> None:
        self._database = database
        self._master = master
        self._records = KnownKeys(MAX_RECORDS)
        self.epoch = epoch
        """Counts forgettings. It starts at a number never used before, so that workers notice a restart."""

    async def find(self, digest: str, user: str = "") -> KeyRecord | None:
        """The record with this digest; ``None`` when there is none. Raises DatabaseError.

        Of a key without a user it is as if the key belonged to ``user``, if one is given.
        """
        master = self._master()
        if digest == master.id:
            return master
        name = on_behalf(digest, user)
        known = self._records.get(name)
        while known is None:
            epoch = self.epoch
            found = await self._database.read(lambda connection: _load(connection, digest, user))
            if epoch != self.epoch:
                continue
            if found is None:
                return None
            known = self._records.put(name, found)
        return known

    async def actor(self, record: KeyRecord) -> Actor:
        """Who acts with a key. Raises DatabaseError."""
        return await self._database.read(lambda connection: load_actor(connection, record))

    def forget(self, entities: Iterable[str]) -> None:
        """These entities have changed; none named means all."""
        self.epoch += 1
        self._records.forget(entities)


def _load(connection: sa.Connection, digest: str, user: str) -> KeyRecord | None:
    found = keys.find(connection, digest)
    if found is None:
        return None
    row, until = found
    if user and row.user_id is None:
        row = replace(row, user_id=user)
    return chain.record_of(chain.load(connection, row), digest, time.time(), until)
