"""Rows of who uses the gateway. Money in nano-dollars, times in Unix seconds; all limits are ``None`` where there is none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from phantom_gateway.store import tenancy_tables as tables
from phantom_gateway.store.rows import Rows

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamped:
    """Who made and changed a row, when, and how often."""

    created_at: float
    created_by: str | None = None
    updated_at: float
    updated_by: str | None = None
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance(Stamped):
    """What an entity may use."""

    models: list[str] = field(default_factory=list)
    """Empty = all that those above it may use."""
    metadata: JsonObject = field(default_factory=dict)
    rpm_limit: int | None = None
    tpm_limit: int | None = None
    tpd_limit: int | None = None
    max_parallel_requests: int | None = None
    max_budget_nano: int | None = None
    soft_budget_nano: int | None = None
    budget_duration: str | None = None
    """Window of the main budget; ``None`` = it never resets."""
    budget_anchor: float = 0.0
    budget_limits: list[JsonObject] = field(default_factory=list)
    """Further windows: ``{"budget_duration", "max_budget_nano"}``."""
    model_limits: dict[str, JsonObject] = field(default_factory=dict)
    """By model: any of ``max_budget_nano``, ``budget_duration``, ``rpm_limit``, ``tpm_limit``."""
    temp_increase_nano: int | None = None
    """Added to the main budget until ``temp_expiry``."""
    temp_expiry: float | None = None
    budget_id: str | None = None
    """Where limits that are not set here come from."""
    blocked: bool = False
    extra: JsonObject = field(default_factory=dict)
    """What is kept and shown without being acted on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationRow(Allowance):
    """One row of ``organizations``."""

    id: str
    alias: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationMemberRow(Allowance):
    """One row of ``organization_members``."""

    org_id: str
    user_id: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamRow(Allowance):
    """One row of ``teams``."""

    id: str
    alias: str | None = None
    org_id: str | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    access_groups: list[str] = field(default_factory=list)
    member_permissions: list[str] = field(default_factory=list)
    """Routes of ``/key/*`` that plain members may use for the team's keys."""
    member_defaults: JsonObject = field(default_factory=dict)
    """Limits of members that have none of their own, by column name of ``Allowance``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamMemberRow(Allowance):
    """One row of ``team_members``."""

    team_id: str
    user_id: str
    role: str
    """``admin`` or ``user``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UserRow(Allowance):
    """One row of ``users``."""

    id: str
    email: str | None = None
    alias: str | None = None
    role: str
    sso_user_id: str | None = None
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectRow(Allowance):
    """One row of ``projects``."""

    id: str
    alias: str | None = None
    description: str | None = None
    team_id: str
    tags: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerRow(Allowance):
    """One row of ``customers``."""

    id: str
    alias: str | None = None
    allowed_model_region: str | None = None
    default_model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagRow(Allowance):
    """One row of ``tags``."""

    id: str
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow(Allowance):
    """One row of ``budgets``."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessGroupRow(Stamped):
    """One row of ``access_groups``."""

    id: str
    name: str
    description: str | None = None
    models: list[str] = field(default_factory=list)
    extra: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRow(Stamped):
    """One row of ``models``."""

    id: str
    name: str
    params: JsonObject
    sealed: str | None = field(default=None, repr=False)
    info: JsonObject
    blocked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialRow(Stamped):
    """One row of ``credentials``."""

    id: str
    names: list[str]
    sealed: str = field(repr=False)
    info: JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class PassEndpointRow(Stamped):
    """One row of ``pass_endpoints``."""

    id: str
    path: str
    spec: JsonObject
    """What may be seen of it, as in ``pass_through_endpoints``."""
    sealed: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRow(Stamped):
    """One row of ``overrides``."""

    id: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleRow(Stamped):
    """One row of ``roles``."""

    id: str
    description: str | None = None
    grants: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow(Stamped):
    """One row of ``approvals``: what somebody asks for, and what came of it."""

    id: str
    user_id: str
    """Who asks."""
    subject: str
    """``key`` or ``user``: what is to get more."""
    subject_id: str
    team_id: str | None = None
    """Of the key, when it was asked for."""
    org_id: str | None = None
    max_budget_nano: int | None = None
    """The main budget that is asked for; ``None`` when it is not about that."""
    models: list[str] = field(default_factory=list)
    """Models that are asked for besides those there are."""
    reason: str = ""
    state: str = "open"
    """``open``, ``approved``, ``refused`` or ``withdrawn``."""
    note: str = ""
    """What the administrator says."""
    granted: JsonObject = field(default_factory=dict)
    """The fields that were set, as the API names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvitationRow(Stamped):
    """One row of ``invitations``."""

    id: str
    """Keyed digest of the link."""
    user_id: str
    expires_at: float
    accepted_at: float | None = None


ORGANIZATIONS = Rows(tables.ORGANIZATIONS, OrganizationRow)
ORGANIZATION_MEMBERS = Rows(tables.ORGANIZATION_MEMBERS, OrganizationMemberRow)
TEAMS = Rows(tables.TEAMS, TeamRow)
TEAM_MEMBERS = Rows(tables.TEAM_MEMBERS, TeamMemberRow)
USERS = Rows(tables.USERS, UserRow)
PROJECTS = Rows(tables.PROJECTS, ProjectRow)
CUSTOMERS = Rows(tables.CUSTOMERS, CustomerRow)
TAGS = Rows(tables.TAGS, TagRow)
BUDGETS = Rows(tables.BUDGETS, BudgetRow)
ACCESS_GROUPS = Rows(tables.ACCESS_GROUPS, AccessGroupRow)
MODELS = Rows(tables.MODELS, ModelRow)
CREDENTIALS = Rows(tables.CREDENTIALS, CredentialRow)
PASS_ENDPOINTS = Rows(tables.PASS_ENDPOINTS, PassEndpointRow)
OVERRIDES = Rows(tables.OVERRIDES, OverrideRow)
ROLES = Rows(tables.ROLES, RoleRow)
APPROVALS = Rows(tables.APPROVALS, ApprovalRow)
INVITATIONS = Rows(tables.INVITATIONS, InvitationRow)
