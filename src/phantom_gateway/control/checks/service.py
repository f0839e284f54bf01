"""Checks of many deployments at once, within bounds of number and time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from phantom_gateway.control.checks.log import Check
from phantom_gateway.control.checks.probe import Outcome, free_probe, probe
from phantom_gateway.control.models_view import api_base
from phantom_gateway.control.services import ControlServices
from phantom_gateway.spine.snapshot import Deployment
from phantom_gateway.wire.client import HttpClient
from phantom_gateway.wire.tasks import TaskGroup

AT_ONCE = 16
SECONDS = 45.0
"""Of a whole round: a worker waits a minute for control."""

JsonObject = dict[str, Any]
_NAMES = {True: "healthy", False: "unhealthy", None: "unknown"}


@dataclass(frozen=True, slots=True)
class Round:
    """The deployments of one round with what came of each."""

    found: tuple[tuple[Deployment, Outcome], ...]

    def view(self) -> JsonObject:
        """As ``/health`` answers. What could not be asked is neither healthy nor unhealthy."""
        kinds: dict[bool | None, list[JsonObject]] = {True: [], False: [], None: []}
        for deployment, outcome in self.found:
            kinds[outcome.healthy].append(_endpoint(deployment, outcome))
        return {
            "healthy_endpoints": kinds[True],
            "unhealthy_endpoints": kinds[False],
            "unchecked_endpoints": kinds[None],
            "healthy_count": len(kinds[True]),
            "unhealthy_count": len(kinds[False]),
        }


async def check_all(
    services: ControlServices, deployments: Sequence[Deployment], by: str, *, free: bool = False, at_once: int = AT_ONCE
) -> Round:
    """Probe every deployment and remember what came of it; with ``free`` by what costs nothing."""
    client, tasks, room = HttpClient(), TaskGroup(), asyncio.Semaphore(at_once)

    async def one(deployment: Deployment) -> Outcome:
        async with room:
            return await (free_probe if free else probe)(client, deployment, services.clock)

    try:
        running = [tasks.spawn(one(each), "health check") for each in deployments]
        if running:
            await asyncio.wait(running, timeout=SECONDS)
        outcomes = [
            task.result() if task.done() else Outcome(healthy=None, error="not checked: there was no time left")
            for task in running
        ]
    finally:
        await tasks.cancel()
        await client.close()
    now = services.clock()
    for deployment, outcome in zip(deployments, outcomes, strict=True):
        services.checks.checks.append(
            Check(
                model_name=deployment.group,
                model_id=deployment.id,
                status=_NAMES[outcome.healthy],
                error=outcome.error,
                response_time_ms=outcome.duration_ms,
                at=now,
                by=by,
            )
        )
    return Round(tuple(zip(deployments, outcomes, strict=True)))


async def check_one(services: ControlServices, deployment: Deployment, mode: str | None) -> Outcome:
    """Probe something that is not served yet; nothing is remembered."""
    client = HttpClient()
    try:
        return await probe(client, deployment, services.clock, mode)
    finally:
        await client.close()


def _endpoint(deployment: Deployment, outcome: Outcome) -> JsonObject:
    found: JsonObject = {
        "model": f"{deployment.provider}/{deployment.model}",
        "model_name": deployment.group,
        "model_id": deployment.id,
        "api_base": api_base(deployment),
    }
    if outcome.healthy is True:
        return {**found, "response_time_ms": outcome.duration_ms}
    return {**found, "error": outcome.error, "exception_status": outcome.status, "raw_request_typed_dict": None}
