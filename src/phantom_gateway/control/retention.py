"""Removes old rows of the request log, when the configuration says how long they are kept.

Every node looks; of several the one that comes first does it (``store.retention.claim``). In small steps, with a pause between
them, so that the journals and the admin API are never kept waiting for long.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass

from phantom_gateway.config.cron import Cron, parse_cron
from phantom_gateway.config.durations import Duration, parse_duration
from phantom_gateway.config.schema_general import GeneralSettings
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.store import retention
from phantom_gateway.store.database import DatabaseError
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

LOOK_SECONDS = 20.0
"""At least three times in each minute of a cron expression."""
MINUTE = 60.0
DAY_SECONDS = 86_400.0
MONTH_DAYS = 31
PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Terms:
    """How long rows are kept, and when old ones go."""

    kept_s: float
    every_s: float = DAY_SECONDS
    cron: Cron | None = None
    """Instead of ``every_s``."""


def terms_of(settings: GeneralSettings) -> Terms | None:
    """What the configuration says; ``None``: everything is kept."""
    period = settings.maximum_spend_logs_retention_period
    if period is None:
        return None
    interval, cron = settings.maximum_spend_logs_retention_interval, settings.maximum_spend_logs_cleanup_cron
    return Terms(
        kept_s=_seconds(parse_duration(period)),
        every_s=DAY_SECONDS if interval is None else _seconds(parse_duration(interval)),
        cron=None if cron is None else parse_cron(cron),
    )


class Retention:
    """Lives on the event loop; the database is asked in threads."""

    def __init__(
        self, database: AsyncDatabase, node: str, settings: Callable[[], GeneralSettings], clock: Callable[[], float]
    ) -> None:
        self._database = database
        self._node = node
        self._settings = settings
        self._clock = clock
        self._tasks = TaskGroup()

    def start(self) -> None:
        """Look from now on."""
        self._tasks.spawn(self._follow(), "old requests")

    async def stop(self) -> None:
        """Stop; what is removed is removed, the rest goes another time."""
        await self._tasks.cancel()

    async def look(self) -> int | None:
        """Remove what is old if it is time to, and this node's turn; how many rows that were. Raises DatabaseError."""
        terms, now, database = terms_of(self._settings()), self._clock(), self._database.database
        if terms is None or (terms.cron is not None and not terms.cron.matches(now)):
            return None
        rest = MINUTE if terms.cron is not None else terms.every_s
        if not await self._database.run(lambda: retention.claim(database, self._node, now, rest)):
            return None
        end = await self._database.run(lambda: retention.begin(database, now - terms.kept_s))
        removed = await self._database.run(lambda: retention.drop_months(database, end))
        while some := await self._database.run(lambda: retention.remove_some(database, end)):
            removed += some
            await asyncio.sleep(PAUSE_SECONDS)
        if removed:
            log.info("%d old requests are removed from the log", removed)
        return removed

    async def _follow(self) -> None:
        failing = False
        while True:
            try:
                await self.look()
                failing = False
            except DatabaseError as error:
                if not failing:
                    log.warning("old requests are not removed at the moment (%s)", type(error).__name__)
                failing = True
            await asyncio.sleep(LOOK_SECONDS)


def _seconds(duration: Duration) -> float:
    return duration.count * MONTH_DAYS * DAY_SECONDS if duration.unit == "mo" else float(duration.seconds())
