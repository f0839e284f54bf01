"""What a worker tells control of its deployments: those of which something has changed, so that many idle ones cost nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phantom_gateway.spine.messages import DeploymentHealth

if TYPE_CHECKING:
    from phantom_gateway.gateway.health import Health
    from phantom_gateway.gateway.table import Table

MAX_REPORTED = 500
"""In one message; the rest comes with the next."""


class HealthReport:
    """Remembers what was reported last."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, int, int, str]] = {}

    def forget(self) -> None:
        """Control knows nothing any more: report everything again."""
        self._last.clear()

    def changed(self, table: Table | None, now: float) -> tuple[DeploymentHealth, ...]:
        """What is new at ``now``, monotonic seconds."""
        found: list[DeploymentHealth] = []
        for target in table.targets if table is not None else ():
            health = target.health.total()
            present = health.requests, health.failures, health.in_flight, health.state(now)
            if present == self._last.get(target.id, (0, 0, 0, "closed")):
                continue
            self._last[target.id] = present
            found.append(_health(target.id, health, now))
            if len(found) == MAX_REPORTED:
                break
        return tuple(found)


def _health(name: str, health: Health, now: float) -> DeploymentHealth:
    return DeploymentHealth(
        id=name,
        state=health.state(now),
        rests_s=round(max(health.cooldown_until - now, 0.0), 1),
        in_flight=health.in_flight,
        requests=health.requests,
        failures=health.failures,
        fails=health.fails,
        latency_ms=round(health.latency_s * 1000, 1),
        last_fault=health.last_fault,
    )
