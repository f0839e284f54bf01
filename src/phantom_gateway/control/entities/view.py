"""Allowances as LiteLLM shows them, with what was spent of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity, reset_at, spend_window
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import spend, tenants
from phantom_gateway.store.tenants import Allowance, BudgetRow, JsonObject

_BUDGET_FIELDS = (
    "max_budget",
    "soft_budget",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "model_max_budget",
    "model_rpm_limit",
    "model_tpm_limit",
    "budget_limits",
    "budget_duration",
    "budget_reset_at",
    "created_at",
    "created_by",
    "updated_at",
    "updated_by",
)


def spends(connection: sa.Connection, entities: Sequence[Entity], now: float) -> dict[str, JsonObject]:
    """By entity: ``spend`` in the present window of the main budget (or ever), ``total_spend``, ``last_active``."""
    totals = spend.totals(connection, [entity.name for entity in entities])
    windows = {entity.name: spend_window(entity, now) for entity in entities}
    in_window = spend.of_windows(connection, [window for window in windows.values() if window is not None])
    found = {}
    for name, window in windows.items():
        total = totals.get(name, spend.Total())
        current = total.amount_nano if window is None else in_window.get(window, 0)
        found[name] = {
            "spend": nano_to_usd(current),
            "total_spend": nano_to_usd(total.amount_nano),
            "last_active": iso(total.last_active or None),
        }
    return found


def allowance_view(own: Allowance, now: float) -> JsonObject:
    """All fields of an allowance but its spend."""
    lasts = own.temp_expiry is not None and own.temp_expiry > now
    return {
        "models": own.models,
        "metadata": own.metadata,
        "max_budget": _usd(own.max_budget_nano),
        "soft_budget": _usd(own.soft_budget_nano),
        "budget_duration": own.budget_duration,
        "budget_reset_at": iso(reset_at(own.budget_duration, own.budget_anchor, now)),
        "budget_limits": [_budget_limit(own, entry, now) for entry in own.budget_limits],
        "budget_id": own.budget_id,
        "max_parallel_requests": own.max_parallel_requests,
        "tpm_limit": own.tpm_limit,
        "rpm_limit": own.rpm_limit,
        "tpd_limit": own.tpd_limit,
        "model_max_budget": {
            model: {"max_budget": _usd(entry["max_budget_nano"]), "budget_duration": entry.get("budget_duration")}
            for model, entry in own.model_limits.items()
            if "max_budget_nano" in entry
        },
        "model_rpm_limit": _by_model(own, "rpm_limit"),
        "model_tpm_limit": _by_model(own, "tpm_limit"),
        "temp_budget_increase": _usd(own.temp_increase_nano) if lasts else None,
        "temp_budget_expiry": iso(own.temp_expiry) if lasts else None,
        "blocked": own.blocked,
        "created_at": iso(own.created_at),
        "created_by": own.created_by,
        "updated_at": iso(own.updated_at),
        "updated_by": own.updated_by,
    }


def budgets_by_id(connection: sa.Connection, rows: Sequence[Allowance]) -> dict[str, BudgetRow]:
    """The reusable budgets that ``rows`` refer to."""
    wanted = list(dict.fromkeys(row.budget_id for row in rows if row.budget_id is not None))
    return {row.id: row for row in tenants.BUDGETS.of(connection, "id", wanted)}


def budget_table(row: BudgetRow | None, now: float) -> JsonObject | None:
    """A reusable budget as LiteLLM shows it (``litellm_budget_table``)."""
    if row is None:
        return None
    view = allowance_view(row, now)
    return {"budget_id": row.id, **{name: view[name] for name in _BUDGET_FIELDS}}


def _usd(nano: int | None) -> float | None:
    return None if nano is None else nano_to_usd(nano)


def _by_model(own: Allowance, name: str) -> dict[str, Any]:
    return {model: entry[name] for model, entry in own.model_limits.items() if name in entry}


def _budget_limit(own: Allowance, entry: JsonObject, now: float) -> JsonObject:
    duration = entry["budget_duration"]
    return {
        "budget_duration": duration,
        "max_budget": nano_to_usd(entry["max_budget_nano"]),
        "reset_at": iso(reset_at(duration, own.budget_anchor, now)),
    }
