"""Limits as LiteLLM nests them into other objects: its ``litellm_budget_table``, which here is no row of its own."""

from __future__ import annotations

from phantom_gateway.control.entities.view import allowance_view
from phantom_gateway.store.tenants import Allowance, JsonObject

_NAMES = (
    "budget_id",
    "soft_budget",
    "max_budget",
    "max_parallel_requests",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "model_max_budget",
    "model_rpm_limit",
    "model_tpm_limit",
    "budget_limits",
    "budget_duration",
    "temp_budget_increase",
    "temp_budget_expiry",
    "budget_reset_at",
    "created_at",
)


def budget_table(own: Allowance, now: float) -> JsonObject:
    """The limits of ``own``; ``allowed_models`` is null when it does not restrict them."""
    return table_of(allowance_view(own, now))


def table_of(view: JsonObject) -> JsonObject:
    """The same from what ``allowance_view`` says."""
    return {**{name: view[name] for name in _NAMES}, "allowed_models": view["models"] or None}


_LIMITS = (
    "models", "rpm_limit", "tpm_limit", "tpd_limit", "max_parallel_requests", "max_budget_nano", "soft_budget_nano",
    "budget_duration", "budget_limits", "model_limits", "temp_increase_nano", "budget_id",
)  # fmt: skip


def is_limited(own: Allowance) -> bool:
    """Whether ``own`` limits anything; asked of every member of a long list."""
    return any(getattr(own, name) not in (None, {}, []) for name in _LIMITS)
