"""``auto_rotate``: a key whose value has grown old gets a new one, which waits, sealed, for its owner to fetch it once.

The value before is good for a while longer (``phantom.keys.rotation_grace``), so that whoever uses the key has the time; it may be
used to fetch the new one. Each node looks; of several the one that comes first does it, since both would change one revision.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.keys.view import views
from phantom_gateway.control.services import ControlServices
from phantom_gateway.security import key_format
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.security.envelope import Place, SealPurpose
from phantom_gateway.store import keys, rotations
from phantom_gateway.store.audit import AuditError
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.rotations import Waiting
from phantom_gateway.store.tables import KEY_ROTATIONS
from phantom_gateway.store.vault import SealedColumn
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

SEALED_VALUES = SealedColumn(SealPurpose.VIRTUAL_KEY, KEY_ROTATIONS.c.key_id, KEY_ROTATIONS.c.sealed)
LOOK_SECONDS = 30.0
AT_ONCE = 100
"""Keys that are looked for in one go."""
BY = "key rotation"


def place(key_id: str) -> Place:
    """Where the new value of a key waits."""
    return SEALED_VALUES.place(key_id)


class Rotation:
    """Lives on the event loop. ``grace`` gives the seconds for which the value before is good."""

    def __init__(self, services: ControlServices, grace: Callable[[], float]) -> None:
        self._services = services
        self._grace = grace
        self._tasks = TaskGroup()

    def start(self) -> None:
        """Look from now on."""
        self._tasks.spawn(self._follow(), BY)

    async def stop(self) -> None:
        """Stop looking."""
        await self._tasks.cancel()

    async def look(self) -> int:
        """Replace the values that are due, and say how many there were. Raises AuditError, DatabaseError."""
        count = 0
        while True:
            now = self._services.clock()
            due = await self._services.database.read(partial(rotations.due, now=now, limit=AT_ONCE))
            done = [each for each in due if await self._rotate(each)]
            count += len(done)
            if len(due) < AT_ONCE or not done:
                return count

    async def _rotate(self, row: KeyRow) -> bool:
        """Whether the key has a new value now; not if somebody else has changed it meanwhile."""
        try:
            until = await Writer(self._services, BY).commit(partial(self._change, row))
        except ApiError as error:
            log.info("the value of key %s is not replaced now: %s", row.key_name, error.message)
            return False
        log.warning(
            "key %s (%s) has a new value by its schedule; it waits to be fetched, the old one ends at Unix time %d",
            row.alias or row.key_name,
            row.id,
            until,
        )
        return True

    def _change(self, seen: KeyRow, connection: sa.Connection, effects: Effects) -> float:
        services = self._services
        now, made = services.clock(), key_format.generate()
        until = now + min(self._grace(), seen.rotation_s or 0)
        stamp: dict[str, Any] = {"rotated_at": now, "updated_at": now, "updated_by": BY, "revision": seen.revision + 1}
        row = replace(seen, key_name=key_format.display(made.reveal()), rotations=seen.rotations + 1, **stamp)
        digest = services.hasher.digest(made.reveal().encode())
        before = views(connection, [seen], now)[0]
        keys.update(connection, row)
        keys.replace_value(connection, row.id, digest, until)
        sealed = services.envelopes.seal(SealPurpose.VIRTUAL_KEY, place(row.id), made)
        rotations.put(connection, Waiting(row.id, sealed, now, until))
        effects.forget += [f"key:{row.id}", f"digest:{digest}"]
        after = views(connection, [row], now)[0]
        change = Change(EventCode.KEY_ROTATED, row.id, before, after, team_id=row.team_id, tenant=row.org_id)
        effects.audit.append(change)
        return until

    async def _follow(self) -> None:
        while True:
            try:
                await self.look()
            except (AuditError, DatabaseError) as error:
                log.warning("keys with a schedule do not get their new values (%s)", type(error).__name__)
            await asyncio.sleep(LOOK_SECONDS)
