"""The last health checks of this process: bounded, in memory, gone at its end."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

MAX_CHECKS = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check of one deployment. ``at`` in Unix seconds."""

    model_name: str
    model_id: str
    status: str
    """``healthy``, ``unhealthy`` or ``unknown``."""
    error: str
    response_time_ms: float
    at: float
    by: str


@dataclass(slots=True)
class HealthLog:
    """The newest checks last."""

    checks: deque[Check] = field(default_factory=lambda: deque(maxlen=MAX_CHECKS))

    def latest(self) -> dict[str, Check]:
        """The last check of each deployment, by its id."""
        return {check.model_id: check for check in self.checks}

    def page(self, model: str | None, status: str | None, window: tuple[int, int]) -> tuple[int, list[Check]]:
        """How many match, and those of ``window`` (offset, limit), the newest first."""
        offset, limit = window
        found = [
            check
            for check in reversed(self.checks)
            if model in (None, check.model_name, check.model_id) and status in (None, check.status)
        ]
        return len(found), found[offset : offset + limit]


def view(check: Check, checked_at: str | None) -> dict[str, Any]:
    """As LiteLLM shows it."""
    return {
        "model_name": check.model_name,
        "model_id": check.model_id,
        "status": check.status,
        "healthy_count": int(check.status == "healthy"),
        "unhealthy_count": int(check.status == "unhealthy"),
        "error_message": check.error or None,
        "response_time_ms": check.response_time_ms,
        "details": None,
        "checked_by": check.by,
        "checked_at": checked_at,
    }
