"""Checks of the deployments that control makes by itself, when the configuration wants it: free ones, and ones that are billed.

What comes of them is in ``/health/latest``; where ``enable_health_check_routing`` is set, workers ask a deployment whose last check
failed only when there is no other.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from phantom_gateway.control.checks.service import check_all
from phantom_gateway.control.services import ControlServices
from phantom_gateway.spine.snapshot import Deployment
from phantom_gateway.wire.tasks import TaskGroup

TICK_S = 1.0
BY = "background"
BY_FREE = "background (free)"


class Told(Protocol):
    """Who tells the workers."""

    unhealthy: tuple[str, ...]


class BackgroundChecks:
    """Looks once a second whether a round is due. Lives on the event loop."""

    def __init__(self, services: ControlServices, told: Told, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._services = services
        self._told = told
        self._monotonic = monotonic
        self._tasks = TaskGroup()
        began = monotonic()
        self._last = {True: began, False: began}
        """When the last round began, of free checks and of others."""

    def start(self) -> None:
        """Begin."""
        self._tasks.spawn(self._run(), "background health checks")

    async def stop(self) -> None:
        """End, whatever is under way."""
        await self._tasks.cancel()

    async def look(self) -> None:
        """Make the rounds that are due, and have the workers know what came of them."""
        checks = self._services.configuration.snapshot.checks
        for free, interval in ((True, checks.free_interval_s), (False, checks.interval_s)):
            now = self._monotonic()
            if interval and now - self._last[free] >= interval:
                self._last[free] = now
                by, wanted = (BY_FREE if free else BY), self._wanted()
                await check_all(self._services, wanted, by, free=free, at_once=checks.at_once)
        self._told.unhealthy = self._unhealthy() if checks.decide else ()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            await self.look()

    def _wanted(self) -> Sequence[Deployment]:
        deployments = self._services.configuration.snapshot.deployments
        return [each for each in deployments if each.info.get("disable_background_health_check") is not True]

    def _unhealthy(self) -> tuple[str, ...]:
        """Those of which the last free check or the last other one failed: that a provider is there does not heal a model."""
        served = {each.id for each in self._services.configuration.snapshot.deployments}
        last = {(check.model_id, check.by == BY_FREE): check.status for check in self._services.checks.checks}
        failed = [name for (name, _), status in last.items() if status == "unhealthy" and name in served]
        return tuple(dict.fromkeys(failed))
