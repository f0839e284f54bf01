"""What ``/team/*``, ``/organization/*`` and ``/project/*`` answer."""

from __future__ import annotations

from typing import Any, Literal

from phantom_gateway.control.answers.base import (
    AllowanceAnswer,
    Answer,
    BudgetOfModel,
    BudgetWindow,
    JsonObject,
    LimitsView,
    Person,
    Spent,
)
from phantom_gateway.control.answers.keys import KeyView


class TeamMember(Answer):
    """Who is in a team."""

    user_id: str
    user_email: str | None
    role: str


class ModelTable(Answer):
    """Other names of models."""

    model_aliases: dict[str, str]


class TeamView(AllowanceAnswer, Spent):
    """A team. Who may know of it and not of its people sees none of them."""

    team_id: str
    team_alias: str | None
    organization_id: str | None
    tags: list[str]
    model_aliases: dict[str, str]
    litellm_model_table: ModelTable | None
    access_group_ids: list[str]
    team_member_permissions: list[str]
    team_member_budget: float | None
    team_member_budget_duration: str | None
    team_member_rpm_limit: int | None
    team_member_tpm_limit: int | None
    default_team_member_models: list[str]
    default_estimated_output_tokens: int | None
    default_estimated_output_tokens_per_model: dict[str, int] | None
    allowed_passthrough_routes: list[str] | None
    denied_passthrough_routes: list[str] | None
    disable_global_guardrails: Any
    members: list[str]
    admins: list[str]
    members_with_roles: list[TeamMember]
    router_settings: JsonObject | None
    model_id: None
    model_spend: dict[str, float]
    policies: list[str]
    allow_team_guardrail_config: bool
    object_permission: None
    object_permission_id: None


class TeamChanged(Answer):
    """A team after a change."""

    team_id: str
    data: TeamView


class TeamsDeleted(Answer):
    """The teams as the request named them."""

    deleted_teams: list[str]


class Membership(Answer):
    """A member with his spend in the team and the limits that hold for him, the team's defaults included."""

    user_id: str
    team_id: str
    role: str
    user_email: str | None
    budget_id: str | None
    spend: float
    total_spend: float
    litellm_budget_table: LimitsView | None


class OwnMembership(Membership):
    """The caller's own."""

    team_alias: str | None


class TeamFound(Answer):
    """A team, its newest keys, and members as far as the caller may see them."""

    team_id: str
    team_info: TeamView
    keys: list[KeyView]
    team_memberships: list[Membership]


class TeamListed(TeamView):
    """A team of a list."""

    members_count: int
    keys_count: int
    access_group_models: list[str]
    access_group_mcp_server_ids: list[str]
    access_group_agent_ids: list[str]


class TeamPage(Answer):
    """A page of teams."""

    teams: list[TeamListed]
    total: int
    page: int
    page_size: int
    total_pages: int


class TeamPermissionsView(Answer):
    """What a team's plain members may do with its keys, and what could be opened to them."""

    team_id: str
    team_member_permissions: list[str]
    all_available_permissions: list[str]


class PermissionsAdded(Answer):
    """How many teams were changed."""

    message: str
    teams_updated: int
    permissions_appended: list[str]


class MetadataSchema(Answer):
    """Which fields metadata must have."""

    fields: list[JsonObject]


class AddedPerson(Person):
    """Somebody who has become a member."""

    teams: list[str]


class MembersAdded(TeamView):
    """The team after all have become members."""

    updated_users: list[AddedPerson]
    updated_team_memberships: list[Membership]


class MemberTried(Answer):
    """What came of one of many. The last two where it succeeded."""

    user_id: str | None
    user_email: str | None
    success: bool
    error: str | None
    updated_user: Person | None = None
    updated_team_membership: Membership | None = None


class MembersTried(Answer):
    """What came of each."""

    team_id: str
    results: list[MemberTried]
    total_requested: int
    successful_additions: int
    failed_additions: int
    updated_team: TeamView


class MemberChanged(Answer):
    """A member after a change."""

    user_id: str
    user_email: str | None
    team_id: str
    role: str
    max_budget_in_team: float | None
    tpm_limit: int | None
    rpm_limit: int | None
    budget_duration: str | None
    allowed_models: list[str] | None
    temp_budget_increase: float | None
    temp_budget_expiry: str | None
    tpd_limit: int | None
    max_parallel_requests: int | None
    model_max_budget: dict[str, BudgetOfModel] | None
    model_rpm_limit: dict[str, int] | None
    model_tpm_limit: dict[str, int] | None
    soft_budget: float | None
    budget_limits: list[BudgetWindow] | None


class MemberSpendReset(Answer):
    """What counts as spent from now on."""

    team_id: str
    user_id: str
    previous_spend: float
    spend: float
    max_budget: float
    budget_reset_at: str | None


class MemberBudgetReset(Answer):
    """Which limits a member has now: those of the team, or none."""

    team_id: str
    user_id: str
    budget_id: str | None
    previous_budget_id: str | None
    budget_source: str


class OrganizationMemberView(Answer):
    """A member with his spend and limits in the organisation."""

    user_id: str
    organization_id: str
    user_role: str
    spend: float
    budget_id: str | None
    created_at: str
    updated_at: str
    user: Person | None
    user_email: str | None
    litellm_budget_table: LimitsView | None


class TeamOfOrganization(Answer):
    """A team, in few words."""

    team_id: str
    team_alias: str | None
    organization_id: str


class OrganizationView(AllowanceAnswer, Spent):
    """An organisation. A plain member sees himself and no one else."""

    organization_id: str
    organization_alias: str | None
    litellm_budget_table: LimitsView
    model_spend: dict[str, float]
    users: None
    object_permission: None
    object_permission_id: None
    members: list[OrganizationMemberView]
    teams: list[TeamOfOrganization]


class OrganizationMembersAdded(Answer):
    """Who has become a member."""

    organization_id: str
    updated_users: list[Person]
    updated_organization_memberships: list[OrganizationMemberView]


class ProjectView(AllowanceAnswer, Spent):
    """A project of a team."""

    project_id: str
    project_alias: str | None
    description: str | None
    team_id: str
    tags: list[str]
    litellm_budget_table: LimitsView
    model_spend: dict[str, float]
    object_permission: None
    object_permission_id: None


class EffectiveLimit(Answer):
    """One limit that holds, and whose it is. Budgets in dollars."""

    level: Literal["key", "user", "member", "project", "team", "org_member", "org"]
    entity: str
    name: str
    kind: Literal["budget", "requests", "tokens", "parallel"]
    model: str | None
    """The model whose calls alone it counts; `null`: all."""
    window: str | None
    limit: float
    spent: float | None
    remaining: float | None
    resets_at: str | None
    budget_id: str | None
    binds: bool


class ListedModels(Answer):
    """Whose list of models holds."""

    level: str
    entity: str
    name: str
    models: list[str]


class EffectiveLimits(Answer):
    """All limits and lists of models that hold somebody; ``blocked_by`` are the levels that are blocked."""

    limits: list[EffectiveLimit]
    models: list[ListedModels]
    blocked_by: list[str]
