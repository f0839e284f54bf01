"""What the configuration gives new teams where the request says nothing (``default_team_params``)."""

from __future__ import annotations

from typing import Any

from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.control.teams.fields import TeamNew

_FILLED = ("rpm_limit", "tpm_limit", "team_member_permissions")


def defaulted(settings: LitellmSettings, fields: TeamNew) -> TeamNew:
    """``fields`` with the defaults for what is absent or null.

    A window that is null on purpose stays so: the budget never resets. Who refers to a shared budget has that one.
    """
    params = settings.default_team_params
    if params is None:
        return fields
    missing: dict[str, Any] = {
        name: getattr(params, name)
        for name in _FILLED
        if getattr(fields, name) is None and getattr(params, name) is not None
    }
    if fields.budget_id is None:
        if fields.max_budget is None and params.max_budget is not None:
            missing["max_budget"] = float(params.max_budget)
        if params.budget_duration is not None and "budget_duration" not in fields.model_fields_set:
            missing["budget_duration"] = params.budget_duration
    return fields.model_copy(update=missing) if missing else fields
