"""What the configuration says about people: how long they stay signed in, and what a new user gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from phantom_gateway.config.durations import parse_window
from phantom_gateway.config.schema import Config
from phantom_gateway.config.secret import Secret
from phantom_gateway.ledger.money import usd_to_nano

DEFAULT_NAME = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewUser:
    """What a new user gets where the request says nothing (``default_internal_user_params`` and its neighbours)."""

    role: str = "internal_user"
    models: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    max_budget_nano: int | None = None
    budget_duration: str | None = None
    rpm_limit: int | None = None
    tpm_limit: int | None = None
    max_parallel_requests: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleSettings:
    """Replaced whole when the configuration is loaded anew."""

    idle_s: float = 3600.0
    absolute_s: float = 43200.0
    invitation_s: float = 604800.0
    origins: tuple[str, ...] = ()
    """Further origins than the gateway's own from which a signed-in browser may change things."""
    operator_name: str = DEFAULT_NAME
    operator_password: Secret | None = None
    """``UI_PASSWORD``; without one it is the master key."""
    new_user: NewUser = field(default_factory=NewUser)
    root_path: str = ""
    """``SERVER_ROOT_PATH``: where browsers find the gateway below its host, without a slash at the end."""
    ui: bool = True
    """Whether the Admin UI is served (``DISABLE_ADMIN_UI``)."""


def people_settings(config: Config, environment: Mapping[str, str]) -> PeopleSettings:
    """The settings of a configuration."""
    sign_in, variables = config.phantom.sign_in, config.lookup(environment)
    name, password = variables.first("UI_USERNAME"), variables.first("UI_PASSWORD")
    public = variables.first("PROXY_BASE_URL")
    return PeopleSettings(
        idle_s=sign_in.idle_timeout,
        absolute_s=sign_in.absolute_timeout,
        invitation_s=sign_in.invitation_lifetime,
        origins=(*sign_in.allowed_origins, *([public[1]] if public else [])),
        operator_name=name[1] if name else DEFAULT_NAME,
        operator_password=Secret(password[1]) if password else None,
        new_user=_new_user(config),
        root_path=_root_path(variables.first("SERVER_ROOT_PATH")),
        ui=(variables.first("DISABLE_ADMIN_UI") or ("", ""))[1].strip().lower() not in ("1", "true", "yes", "on"),
    )


def _root_path(found: tuple[str, str] | None) -> str:
    path = found[1].strip().strip("/") if found else ""
    return f"/{path}" if path else ""


def _new_user(config: Config) -> NewUser:
    settings = config.litellm_settings
    given = settings.default_internal_user_params
    budget: Decimal | None = settings.max_internal_user_budget
    zone = settings.timezone or ""
    duration = settings.internal_user_budget_duration and parse_window(settings.internal_user_budget_duration, zone)
    if given is None:
        return NewUser(max_budget_nano=_nano(budget), budget_duration=duration)
    return NewUser(
        role=given.user_role or "internal_user",
        models=tuple(given.models or ()),
        teams=tuple(given.teams or ()),
        max_budget_nano=_nano(budget if given.max_budget is None else given.max_budget),
        budget_duration=parse_window(given.budget_duration, zone) if given.budget_duration else duration,
        rpm_limit=given.rpm_limit,
        tpm_limit=given.tpm_limit,
        max_parallel_requests=given.max_parallel_requests,
    )


def _nano(dollars: Decimal | None) -> int | None:
    return None if dollars is None else usd_to_nano(str(dollars))
