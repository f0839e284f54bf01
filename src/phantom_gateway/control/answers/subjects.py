"""What ``/customer/*``, ``/tag/*``, ``/budget/*``, ``/access_group/*`` and ``/audit`` answer."""

from __future__ import annotations

from phantom_gateway.control.answers.base import AllowanceAnswer, Answer, BudgetView, JsonObject, Spent


class CustomerView(AllowanceAnswer, Spent):
    """An end user."""

    user_id: str
    alias: str | None
    allowed_model_region: str | None
    default_model: str | None
    litellm_budget_table: BudgetView | None
    object_permission_id: None
    object_permission: None


class CustomersDeleted(Answer):
    """How many customers were deleted."""

    deleted_customers: int
    message: str


class CustomersBlocked(Answer):
    """Who is blocked now."""

    blocked_users: list[CustomerView]


class TagView(AllowanceAnswer, Spent):
    """A tag with limits or models of its own."""

    name: str
    description: str | None
    model_info: dict[str, str]
    litellm_budget_table: BudgetView | None


class TagChanged(Answer):
    """A tag after a change."""

    message: str
    tag: TagView


class TagSeen(Answer):
    """A tag that requests carried and nobody has made."""

    name: str
    description: str
    models: None
    model_info: None
    created_at: None
    updated_at: None
    last_active: str | None


class BudgetField(Answer):
    """A field of a budget, as the UI shows it."""

    field_name: str
    field_type: str
    field_description: str
    field_value: float | str | None
    stored_in_db: bool
    field_default_value: None


class ProviderBudget(Answer):
    """What a provider may cost and has cost, in US dollars."""

    budget_limit: float
    time_period: str | None
    spend: float
    budget_reset_at: str | None


class ProviderBudgets(Answer):
    """Budgets by provider."""

    providers: dict[str, ProviderBudget]


class Named(Answer):
    """Something with an id, and its name."""

    id: str
    name: str | None


class GroupView(Answer):
    """An access group."""

    access_group_id: str
    access_group_name: str
    description: str | None
    access_model_names: list[str]
    access_mcp_server_ids: list[str]
    access_agent_ids: list[str]
    access_mcp_servers: list[Named]
    access_agents: list[Named]
    assigned_team_ids: list[str]
    assigned_key_ids: list[str]
    assigned_teams: list[Named]
    assigned_keys: list[Named]
    created_at: str
    created_by: str | None
    updated_at: str
    updated_by: str | None


class ModelGroupChanged(Answer):
    """An access group after a change, as the older routes have it."""

    access_group: str
    model_names: list[str]
    model_ids: list[str] | None
    models_updated: int


class GroupBudget(Answer):
    """LiteLLM's ``AccessGroupBudget``; a group's budget is its own and has the group's id."""

    budget_id: str
    max_budget: float | None
    soft_budget: float | None
    budget_duration: str | None
    budget_reset_at: str | None


class ModelGroupView(Answer):
    """An access group, as the older routes have it."""

    access_group: str
    model_names: list[str]
    deployment_count: int
    spend: float | None
    budget: GroupBudget | None


class ModelGroupList(Answer):
    """All access groups."""

    access_groups: list[ModelGroupView]


class ModelGroupDeleted(Answer):
    """An access group is gone."""

    access_group: str
    models_updated: int
    message: str


class AuditRecordView(Answer):
    """A record of the audit log."""

    id: str
    updated_at: str
    changed_by: str
    changed_by_api_key: str
    action: str
    table_name: str
    object_id: str
    before_value: JsonObject | None
    updated_values: JsonObject | None
    event: str
    actor: str
    actor_kind: str
    result: str
    request_id: str
    node: str
    hash: str
    prev: str


class AuditPage(Answer):
    """A page of the audit log."""

    audit_logs: list[AuditRecordView]
    total: int
    page: int
    page_size: int
    total_pages: int
