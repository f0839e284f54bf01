"""What ``litellm_settings`` says about new keys: defaults, upper bounds, and who may make them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from phantom_gateway.config.schema_base import (
    Active,
    Count,
    Dollars,
    DurationText,
    FreeDict,
    Name,
    Names,
    Section,
    WindowText,
)


class KeyBounds(Section):
    """``upperbound_key_generate_params``."""

    max_budget: Annotated[Dollars | None, Active("Largest budget, US dollars.")] = None
    budget_duration: Annotated[WindowText | None, Active("Longest budget window.")] = None
    duration: Annotated[DurationText | None, Active("Longest life.")] = None
    max_parallel_requests: Annotated[Count | None, Active("Most requests at once.")] = None
    tpm_limit: Annotated[Count | None, Active("Most tokens a minute.")] = None
    rpm_limit: Annotated[Count | None, Active("Most requests a minute.")] = None


class KeyDefaults(Section):
    """``default_key_generate_params``."""

    max_budget: Annotated[Dollars | None, Active("Budget, US dollars.")] = None
    soft_budget: Annotated[Dollars | None, Active("Soft budget, US dollars.")] = None
    budget_duration: Annotated[WindowText | None, Active("Budget window.")] = None
    budget_id: Annotated[Name | None, Active("Reusable budget.")] = None
    duration: Annotated[DurationText | None, Active("Life.")] = None
    models: Annotated[Names | None, Active("Models.")] = None
    max_parallel_requests: Annotated[Count | None, Active("Requests at once.")] = None
    tpm_limit: Annotated[Count | None, Active("Tokens a minute.")] = None
    rpm_limit: Annotated[Count | None, Active("Requests a minute.")] = None
    tpd_limit: Annotated[Count | None, Active("Tokens a day.")] = None
    team_id: Annotated[Name | None, Active("Team.")] = None
    key_type: Annotated[Name | None, Active("`default`, `llm_api`, `management` or `read_only`.")] = None
    allowed_routes: Annotated[Names | None, Active("Routes.")] = None
    tags: Annotated[Names | None, Active("Tags.")] = None
    metadata: Annotated[FreeDict | None, Active("Metadata.")] = None


class TeamKeyGeneration(Section):
    """``key_generation_settings.team_key_generation``."""

    allowed_team_member_roles: Annotated[
        Names | None, Active("Roles in the team (`admin`, `user`) whose holders may make keys of it.")
    ] = None
    required_params: Annotated[Names, Active("Fields that must be given.")] = Field(default_factory=list)


class PersonalKeyGeneration(Section):
    """``key_generation_settings.personal_key_generation``."""

    allowed_user_roles: Annotated[
        Names | None, Active("Roles of users who may make keys outside of teams, such as `internal_user`.")
    ] = None
    required_params: Annotated[Names, Active("Fields that must be given.")] = Field(default_factory=list)


class KeyGeneration(Section):
    """``key_generation_settings``. An administrator may always."""

    team_key_generation: Annotated[TeamKeyGeneration | None, Active("Keys of teams.")] = None
    personal_key_generation: Annotated[PersonalKeyGeneration | None, Active("Keys outside of teams.")] = None
