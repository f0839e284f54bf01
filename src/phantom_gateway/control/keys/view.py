"""Keys as LiteLLM shows them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.keys.budgets import reset_at, spend_window
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import spend
from phantom_gateway.store.keys import KeyRow

_NOT_YET: dict[str, Any] = {
    "model_spend": {},
    "model_max_budget": {},
    "budget_fallbacks": {},
    "allowed_cache_controls": [],
    "budget_id": None,
    "litellm_budget_table": None,
    "object_permission_id": None,
    "object_permission": None,
    "access_group_ids": [],
    "router_settings": None,
    "rotation_count": 0,
    "auto_rotate": False,
    "rotation_interval": None,
    "last_rotation_at": None,
    "key_rotation_at": None,
}
"""Fields clients expect whose features are not there yet; setting them is refused (``keys.fields``)."""

JsonObject = dict[str, Any]


def views(connection: sa.Connection, rows: list[KeyRow], now: float) -> list[JsonObject]:
    """The rows with their spend, without ``token``."""
    totals = spend.totals(connection, [spend.key_entity(row.id) for row in rows])
    windows = {row.id: spend_window(row, now) for row in rows}
    in_window = spend.of_windows(connection, [window for window in windows.values() if window is not None])
    found = []
    for row in rows:
        total = totals.get(spend.key_entity(row.id), spend.Total())
        window = windows[row.id]
        current = total.amount_nano if window is None else in_window.get(window, 0)
        found.append(_view(row, current, total, now))
    return found


def _view(row: KeyRow, current_nano: int, total: spend.Total, now: float) -> JsonObject:
    return {
        "key_name": row.key_name,
        "key_alias": row.alias,
        "spend": nano_to_usd(current_nano),
        "total_spend": nano_to_usd(total.amount_nano),
        "max_budget": None if row.max_budget_nano is None else nano_to_usd(row.max_budget_nano),
        "soft_budget": row.extra.get("soft_budget"),
        "expires": iso(row.expires),
        "models": row.models,
        "aliases": row.aliases,
        "config": row.extra.get("config") or {},
        "permissions": row.extra.get("permissions") or {},
        "disable_global_guardrails": row.extra.get("disable_global_guardrails"),
        "user_id": row.user_id,
        "team_id": row.team_id,
        "org_id": row.org_id,
        "organization_id": row.org_id,
        "agent_id": row.extra.get("agent_id"),
        "project_id": row.extra.get("project_id"),
        "max_parallel_requests": row.max_parallel_requests,
        "metadata": row.metadata,
        "tags": row.tags,
        "tpm_limit": row.tpm_limit,
        "rpm_limit": row.rpm_limit,
        "tpd_limit": row.tpd_limit,
        "budget_duration": row.budget_duration,
        "budget_reset_at": iso(reset_at(row.budget_duration, row.budget_anchor, now)),
        "budget_limits": [_budget_limit(row, entry, now) for entry in row.budget_limits],
        "allowed_routes": row.allowed_routes,
        "key_type": row.key_type,
        "blocked": row.blocked,
        "created_at": iso(row.created_at),
        "created_by": row.created_by,
        "updated_at": iso(row.updated_at),
        "updated_by": row.updated_by,
        "last_active": iso(total.last_active or None),
        **_NOT_YET,
    }


def _budget_limit(row: KeyRow, entry: JsonObject, now: float) -> JsonObject:
    duration = entry["budget_duration"]
    return {
        "budget_duration": duration,
        "max_budget": nano_to_usd(entry["max_budget_nano"]),
        "reset_at": iso(reset_at(duration, row.budget_anchor, now)),
    }
