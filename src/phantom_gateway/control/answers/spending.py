"""What the reports and the activity by day answer. Money in US dollars, days as ``YYYY-MM-DD``."""

from __future__ import annotations

from phantom_gateway.control.answers.base import Answer


class SpendMetrics(Answer):
    """Sums of requests. Those of features that are not here are 0."""

    spend: float
    prompt_tokens: int
    completion_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    total_tokens: int
    successful_requests: int
    failed_requests: int
    api_requests: int
    total_response_time_ms: int
    timed_requests: int
    flat_cost: float
    compression_saved_tokens: int
    compression_savings_spend: float
    prompt_caching_savings_spend: float
    gateway_injected_caching_savings_spend: float
    autorouter_savings_spend: float


class KeyFacts(Answer):
    """Whose key it is; of deleted keys from their tombstones."""

    key_alias: str | None
    team_id: str | None
    user_id: str | None
    user_email: str | None
    key_exists: bool


class KeyActivity(Answer):
    """What a key did."""

    metrics: SpendMetrics
    metadata: KeyFacts


class ActivityEntry(Answer):
    """What was done with a model or by an entity, and by which of the dearest keys."""

    metrics: SpendMetrics
    metadata: dict[str, str | None]
    api_key_breakdown: dict[str, KeyActivity]


class ActivityBreakdown(Answer):
    """A day in parts."""

    mcp_servers: dict[str, ActivityEntry]
    models: dict[str, ActivityEntry]
    model_groups: dict[str, ActivityEntry]
    providers: dict[str, ActivityEntry]
    endpoints: dict[str, ActivityEntry]
    api_keys: dict[str, KeyActivity]
    entities: dict[str, ActivityEntry]


class ActivityDay(Answer):
    """A day."""

    date: str
    metrics: SpendMetrics
    breakdown: ActivityBreakdown


class ActivityTotals(Answer):
    """Sums of the whole range, and where in it the page is."""

    total_spend: float
    total_prompt_tokens: int
    total_completion_tokens: int
    total_tokens: int
    total_api_requests: int
    total_successful_requests: int
    total_failed_requests: int
    total_cache_read_input_tokens: int
    total_cache_creation_input_tokens: int
    total_response_time_ms: int
    total_timed_requests: int
    total_flat_cost: float
    total_compression_saved_tokens: int
    total_compression_savings_spend: float
    total_prompt_caching_savings_spend: float
    total_gateway_injected_caching_savings_spend: float
    total_autorouter_savings_spend: float
    page: int
    total_pages: int
    has_more: bool
    api_key_limit: int
    total_api_keys: int


class Activity(Answer):
    """Days with their breakdowns, the newest first."""

    results: list[ActivityDay]
    metadata: ActivityTotals


class ActivityKey(Answer):
    """A key and what it did."""

    api_key: str
    metrics: SpendMetrics
    metadata: KeyFacts


class ActivityKeyPage(Answer):
    """A page of keys, the dearest first."""

    api_keys: list[ActivityKey]
    total_api_keys: int
    offset: int
    limit: int


class ActivityKeys(Answer):
    """Keys, the dearest first."""

    api_keys: list[ActivityKey]


class ActivityOfModel(Answer):
    """The dearest keys of a model."""

    model: str
    by_model_group: bool
    api_keys: list[ActivityKey]


class ExportRow(Answer):
    """A row of an export: the day, whom it is about (one of ``user_id``, ``team_id``, ``org_id``, ``name``), and sums."""

    date: str
    user_id: str | None = None
    team_id: str | None = None
    org_id: str | None = None
    name: str | None = None
    key_id: str | None = None
    model: str | None = None
    api_requests: int
    successful_requests: int
    failed_requests: int
    spend: float
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int


class SpendTotal(Answer):
    """What everybody has ever spent, and the budget of the whole gateway (0: none)."""

    spend: float
    max_budget: float


class SpendOfKey(Answer):
    """What a key has spent."""

    api_key: str
    total_spend: float
    key_name: str | None
    key_alias: str | None


class SpendOfUser(Answer):
    """What a user has spent."""

    user_id: str | None
    total_spend: float
    spend: float


class SpendOfModel(Answer):
    """What a model has cost."""

    model: str
    total_spend: float


class SpendOfProvider(Answer):
    """What a provider has cost."""

    provider: str | None
    spend: float


class SpendOfDay(Answer):
    """What a day has cost."""

    date: str
    spend: float


class SpendOfTag(Answer):
    """Requests with a tag."""

    individual_request_tag: str
    log_count: int
    total_spend: float


class SpendOfCustomer(Answer):
    """Requests of a customer."""

    end_user: str
    total_count: int
    total_spend: float


class SpendOfTeam(Answer):
    """What a team, by its alias or id, has spent."""

    team_id: str
    total_spend: float


class TeamSpend(Answer):
    """Spend of teams: each day has its ``date`` and an amount for each of ``teams``."""

    daily_spend: list[dict[str, str | float]]
    teams: list[str]
    total_spend_per_team: list[SpendOfTeam]


class TagNamesSeen(Answer):
    """Tags that requests had."""

    tag_names: list[str]


class TagName(Answer):
    """A tag."""

    tag: str


class DistinctTags(Answer):
    """Tags that requests had."""

    results: list[TagName]


class TagFigures(Answer):
    """Requests with a tag."""

    tag: str
    unique_users: int
    total_requests: int
    successful_requests: int
    failed_requests: int
    total_tokens: int
    total_spend: float


class TagSummary(Answer):
    """The dearest tags."""

    results: list[TagFigures]


class ActivityOfDay(Answer):
    """Requests and tokens of a day."""

    date: str
    api_requests: int
    total_tokens: int


class DailyActivity(Answer):
    """Requests and tokens by day."""

    daily_data: list[ActivityOfDay]
    sum_api_requests: int
    sum_total_tokens: int


class ModelActivity(DailyActivity):
    """The same for a model."""

    model: str


class ModelCost(Answer):
    """What a model has cost."""

    model: str
    total_cost: float
    total_input_tokens: int
    total_output_tokens: int


class EntityCost(Answer):
    """What a key, user, team or organisation has cost."""

    total_cost: float
    total_input_tokens: int
    total_output_tokens: int
    model_details: list[ModelCost]


class KeyCost(EntityCost):
    """What a key has cost."""

    api_key: str


class UserCost(EntityCost):
    """What a user has cost."""

    user_id: str | None


class TeamCost(EntityCost):
    """What a team has cost."""

    team_id: str | None


class OrganizationCost(EntityCost):
    """What an organisation has cost."""

    organization_id: str | None


class CostDetail(Answer):
    """A model and a key on a day."""

    model: str
    spend: float
    total_tokens: int
    api_key: str


class CostOfTeam(Answer):
    """A team on a day."""

    team_name: str | None
    total_spend: float
    metadata: list[CostDetail]


class CostOfCustomer(Answer):
    """A customer on a day."""

    customer: str | None
    total_spend: float
    metadata: list[CostDetail]


class TeamDay(Answer):
    """Teams on a day."""

    group_by_day: str
    teams: list[CostOfTeam]


class CustomerDay(Answer):
    """Customers on a day."""

    group_by_day: str
    customers: list[CostOfCustomer]


class TeamUser(Answer):
    """What somebody spent through a team."""

    team_id: str
    team_alias: str | None
    user_id: str | None
    user_email: str | None
    user_alias: str | None
    spend: float
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    api_requests: int
    successful_requests: int
    failed_requests: int


class TeamUsers(Answer):
    """The same for all, and the days they are of."""

    start_date: str
    end_date: str
    results: list[TeamUser]
