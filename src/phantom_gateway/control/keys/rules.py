"""What the configuration says about new keys: defaults, upper bounds, who may make them and what must be given."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal
from typing import Any, TypeVar

from pydantic import ValidationError

from phantom_gateway.config.durations import parse_duration
from phantom_gateway.config.schema_keys import KeyBounds
from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.control.errors import ApiError, bad_field, describe
from phantom_gateway.control.keys.changes import NEVER_EXPIRES
from phantom_gateway.control.keys.fields import KeyFields, KeyGenerate
from phantom_gateway.control.policy.actor import Actor
from phantom_gateway.limits.windows import seconds
from phantom_gateway.store.keys import KeyRow

F = TypeVar("F", bound=KeyFields)

_EMPTY: tuple[Any, ...] = (None, "", [], {})
_DURATIONS = frozenset({"budget_duration", "duration"})


def given(fields: KeyFields) -> frozenset[str]:
    """The fields of a request that say something."""
    return frozenset(name for name in fields.model_fields_set if getattr(fields, name) not in _EMPTY)


def defaulted(settings: LitellmSettings, fields: KeyGenerate) -> KeyGenerate:
    """``fields`` with ``default_key_generate_params`` for what they leave open. Raises ApiError 400."""
    defaults = settings.default_key_generate_params
    if defaults is None:
        return fields
    said = given(fields)
    values = {name: _plain(getattr(defaults, name)) for name in defaults.model_fields_set - said}
    return _with(fields, {name: value for name, value in values.items() if value not in _EMPTY})


def bounded(settings: LitellmSettings, fields: F, *, new: bool) -> F:
    """``fields`` within ``upperbound_key_generate_params``; a new key gets the bound of what it leaves open.

    Raises ApiError 400 for what is beyond it.
    """
    bounds = settings.upperbound_key_generate_params
    if bounds is None:
        return fields
    missing = {}
    for name in bounds.model_fields_set:
        bound = getattr(bounds, name)
        if bound is None:
            continue
        value = getattr(fields, name)
        if value is None and (new or name not in fields.model_fields_set):
            if new:
                missing[name] = _plain(bound)
        elif value is None or _beyond(name, value, bound):
            raise bad_field(name, f"must not be more than {bound} (upperbound_key_generate_params)")
    _check_windows(bounds, fields)
    return _with(fields, missing)


def check_generation(settings: LitellmSettings, actor: Actor, team_id: str | None, said: Collection[str]) -> None:
    """Refuse who may not make such a key, or has left out what is required. Raises ApiError 400 and 403.

    Not asked of administrators.
    """
    rules = settings.key_generation_settings
    if rules is None:
        return
    if team_id is not None:
        if rules.team_key_generation is None:
            return
        roles, required = (
            rules.team_key_generation.allowed_team_member_roles,
            rules.team_key_generation.required_params,
        )
        role = "admin" if team_id in actor.teams_administered else "user"
    else:
        if rules.personal_key_generation is None:
            return
        roles, required = (
            rules.personal_key_generation.allowed_user_roles,
            rules.personal_key_generation.required_params,
        )
        role = actor.role
    if roles is not None and role not in roles:
        message = f"Your role ({role or 'none'}) may not make such keys (key_generation_settings)."
        raise ApiError(403, message, kind="auth_error", param="key_generation_settings")
    for name in required:
        if name not in said:
            raise bad_field(name, "is required (key_generation_settings)")


def refuse_powerless(before: KeyRow | None, row: KeyRow) -> None:
    """Refuse a key for management that has no user: it acts in his name, and could do nothing. Raises ApiError 400."""
    same = before is not None and (before.key_type, before.user_id) == (row.key_type, row.user_id)
    if row.key_type == "management" and row.user_id is None and not same:
        raise bad_field(
            "key_type", "a management key acts in the name of its user: give user_id, or it could do nothing"
        )


def _check_windows(bounds: KeyBounds, fields: KeyFields) -> None:
    """Further windows are bounded as the main one is: no amount beyond the largest budget."""
    if bounds.max_budget is None:
        return
    amounts = [entry.max_budget for entry in fields.budget_limits or []]
    if any(Decimal(str(amount)) > bounds.max_budget for amount in amounts):
        raise bad_field("budget_limits", f"must not be more than {bounds.max_budget} (upperbound_key_generate_params)")


def _beyond(name: str, value: Any, bound: Any) -> bool:
    if name not in _DURATIONS:
        return bool(Decimal(str(value)) > bound)
    if value == NEVER_EXPIRES:
        return True
    try:
        length = seconds(str(parse_duration(value)))
    except ValueError as error:
        raise bad_field(name, str(error)) from error
    return length > seconds(bound)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else value


def _with(fields: F, more: dict[str, Any]) -> F:
    if not more:
        return fields
    said = {name: getattr(fields, name) for name in fields.model_fields_set}
    try:
        return type(fields).model_validate({**said, **more})
    except ValidationError as error:
        message, param = describe(error.errors())
        raise ApiError(400, f"{message} (from the configuration)", param=param) from error
