"""The request bodies of ``/team/*`` but its members'."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from phantom_gateway.control.entities.fields import (
    EXPECTATIONS,
    PASSAGES,
    AllowanceFields,
    BestEffort,
    Body,
    Dollars,
    ExpectationFields,
    Kept,
    Later,
    Limit,
    Name,
    Names,
    NewId,
    PassageFields,
    Window,
)
from phantom_gateway.control.entities.routing import OwnSettings
from phantom_gateway.control.entities.temporary import TemporaryFields
from phantom_gateway.control.teams.member_fields import MemberReference


class TeamFields(TemporaryFields, PassageFields, ExpectationFields, AllowanceFields):
    """What ``/team/new`` and ``/team/update`` have in common."""

    team_alias: Name | None = None
    organization_id: Name | None = None
    tags: Names | None = None
    model_aliases: Annotated[dict[Name, Name], Field(max_length=1000)] | None = None
    access_group_ids: Names | None = None
    team_member_budget: Dollars | None = None
    team_member_budget_duration: Window | None = None
    team_member_rpm_limit: Limit | None = None
    team_member_tpm_limit: Limit | None = None
    default_team_member_models: Names | None = None

    disable_global_guardrails: Kept = None

    rpm_limit_type: BestEffort = None
    tpm_limit_type: BestEffort = None

    team_member_key_duration: Later = None
    router_settings: OwnSettings | None = None
    guardrails: Later = None
    policies: Later = None
    prompts: Later = None
    object_permission: Later = None
    secret_manager_settings: Later = None
    mcp_rpm_limit: Later = None
    allowed_vector_store_indexes: Later = None
    enforced_batch_output_expires_after: Later = None
    enforced_file_expires_after: Later = None


KEPT = ("router_settings", "disable_global_guardrails", *EXPECTATIONS, *PASSAGES)
"""Stored in ``extra`` and echoed."""

_Ids = Annotated[list[Name], Field(max_length=1000)]


class TeamNew(TeamFields):
    """Body of ``/team/new``."""

    team_id: NewId | None = None
    admins: _Ids | None = None
    members: _Ids | None = None
    members_with_roles: Annotated[list[MemberReference], Field(max_length=1000)] | None = None
    team_member_permissions: Names | None = None


class TeamUpdate(TeamFields):
    """Body of ``/team/update``. A field that is absent stays as it is; ``null`` clears it."""

    team_id: Name


class TeamPatch(TeamFields):
    """Body of ``PATCH /team/{team_id}``."""

    team_id: Name | None = None


class TeamReference(Body):
    """Body of ``/team/block`` and ``/team/unblock``."""

    team_id: Name


class TeamDelete(Body):
    """Body of ``/team/delete``: all of them or none."""

    team_ids: Annotated[list[Name], Field(min_length=1, max_length=100)]


class TeamModels(Body):
    """Body of ``/team/model/add`` and ``/team/model/delete``."""

    team_id: Name
    models: Annotated[list[Name], Field(min_length=1, max_length=1000)]


class TeamPermissions(Body):
    """Body of ``/team/permissions_update``."""

    team_id: Name
    team_member_permissions: Names


class ManyTeamPermissions(Body):
    """Body of ``/team/permissions_bulk_update``."""

    permissions: Annotated[list[Name], Field(min_length=1, max_length=100)]
    team_ids: Annotated[list[Name], Field(max_length=1000)] | None = None
    apply_to_all_teams: bool = False
