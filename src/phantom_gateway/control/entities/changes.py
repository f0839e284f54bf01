"""From request fields to columns, for everything that has an allowance."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import BaseModel

from phantom_gateway.control.entities.fields import AllowanceFields, ModelBudget
from phantom_gateway.control.errors import bad_field
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.store.tenants import Allowance, JsonObject

_DEFAULTS: dict[str, Any] = {"models": [], "metadata": {}, "blocked": False}
"""Columns that are never NULL: what ``null`` in a request means for them."""
_SAME_NAME = (
    "rpm_limit",
    "tpm_limit",
    "tpd_limit",
    "max_parallel_requests",
    "budget_duration",
    "budget_id",
    *_DEFAULTS,
)
_BY_MODEL = ("model_max_budget", "model_rpm_limit", "model_tpm_limit")


def allowance_columns(fields: AllowanceFields, before: Allowance | None) -> dict[str, Any]:
    """The columns that the request names, of ``Allowance``; ``before`` is the row as it is, if there is one."""
    given = {name: getattr(fields, name) for name in fields.model_fields_set}
    columns: dict[str, Any] = {}
    for name in _SAME_NAME:
        if name in given:
            columns[name] = _DEFAULTS.get(name) if given[name] is None else given[name]
    for name in ("max_budget", "soft_budget"):
        if name in given:
            columns[f"{name}_nano"] = None if given[name] is None else usd_to_nano(given[name])
    if "budget_limits" in given:
        columns["budget_limits"] = [
            {"budget_duration": entry.budget_duration, "max_budget_nano": usd_to_nano(entry.max_budget)}
            for entry in given["budget_limits"] or []
        ]
    if not given.keys().isdisjoint(_BY_MODEL):
        columns["model_limits"] = _model_limits(given, before.model_limits if before else {})
    return columns


def renamed_columns(fields: BaseModel, before: Allowance | None, names: Mapping[str, str]) -> dict[str, Any]:
    """The same for a body that has some fields of an allowance only, or under other names: ``names`` has the allowance's."""
    said = {
        names.get(name, name): getattr(fields, name)
        for name in fields.model_fields_set
        if names.get(name, name) in AllowanceFields.model_fields
    }
    return allowance_columns(AllowanceFields(**said), before)


def kept(fields: AllowanceFields, names: Collection[str], before: Allowance | None) -> dict[str, Any]:
    """``extra`` with those of ``names`` that the request gives; nothing when it gives none."""
    given = {name: getattr(fields, name) for name in names if name in fields.model_fields_set}
    return {"extra": (before.extra if before else {}) | given} if given else {}


def check(row: Allowance) -> None:
    """Refuse fields that contradict each other. Raises ApiError 400."""
    durations = [entry["budget_duration"] for entry in row.budget_limits]
    if row.max_budget_nano is not None:
        durations.append(row.budget_duration)
    if len(set(durations)) != len(durations):
        raise bad_field("budget_limits", "two budgets with the same duration")


def _model_limits(given: JsonObject, before: dict[str, JsonObject]) -> dict[str, JsonObject]:
    found = {model: dict(entry) for model, entry in before.items()}
    if "model_max_budget" in given:
        budgets: dict[str, ModelBudget] = given["model_max_budget"] or {}
        _drop(found, "max_budget_nano", "budget_duration")
        for model, entry in budgets.items():
            found.setdefault(model, {}).update(_entry(model, entry))
    for field, column in (("model_rpm_limit", "rpm_limit"), ("model_tpm_limit", "tpm_limit")):
        if field in given:
            _drop(found, column)
            for model, limit in (given[field] or {}).items():
                found.setdefault(model, {})[column] = limit
    return {model: entry for model, entry in found.items() if entry}


def _drop(entries: dict[str, JsonObject], *names: str) -> None:
    for entry in entries.values():
        for name in names:
            entry.pop(name, None)


def _entry(model: str, budget: ModelBudget) -> JsonObject:
    amount = budget.max_budget if budget.max_budget is not None else budget.budget_limit
    found: JsonObject = {}
    if amount is not None:
        found["max_budget_nano"] = usd_to_nano(amount)
        found["budget_duration"] = budget.budget_duration or budget.time_period
    elif budget.budget_duration or budget.time_period:
        raise bad_field("model_max_budget", f"{model[:60]}: a duration without max_budget")
    for name in ("rpm_limit", "tpm_limit"):
        if getattr(budget, name) is not None:
            found[name] = getattr(budget, name)
    if not found:
        raise bad_field("model_max_budget", f"{model[:60]}: there is no limit in it")
    return found
