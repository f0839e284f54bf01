"""The time zone whose midnights the windows of budgets begin at.

A window may name it (``1d@Europe/Berlin``). One that does not gets ``litellm_settings.timezone`` when it is written, so a budget
keeps its zone when the setting changes.
"""

from __future__ import annotations

from typing import Any, TypeVar

from pydantic import BaseModel

from phantom_gateway.config.durations import parse_window

_WINDOWS = ("budget_duration", "time_period", "team_member_budget_duration")
_NESTED = ("budget_limits", "model_max_budget")
F = TypeVar("F", bound=BaseModel)


def zoned(fields: F, zone: str) -> F:
    """The same request body, every window of a budget in it with ``zone`` where it names none."""
    if not zone:
        return fields
    changed: dict[str, Any] = {}
    for name in fields.model_fields_set:
        value = getattr(fields, name)
        if name in _WINDOWS and isinstance(value, str):
            changed[name] = parse_window(value, zone)
        elif name in _NESTED and isinstance(value, list):
            changed[name] = [zoned(each, zone) for each in value]
        elif name in _NESTED and isinstance(value, dict):
            changed[name] = {model: zoned(each, zone) for model, each in value.items()}
    return fields.model_copy(update=changed) if changed else fields
