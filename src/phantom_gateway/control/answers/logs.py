"""What the spend log and its corrections answer. Money in US dollars, days as ``YYYY-MM-DD``."""

from __future__ import annotations

from typing import Literal

from phantom_gateway.control.answers.base import Answer, JsonObject


class LogMetadata(Answer):
    """What the spend log knows beyond LiteLLM's columns."""

    user_api_key: str
    user_api_key_alias: str | None
    user_api_key_user_id: str | None
    user_api_key_team_id: str | None
    user_api_key_org_id: str | None
    status: str
    status_code: int | None
    error_type: str | None
    stream: bool
    attempts: int
    fallbacks: int
    client_left: bool
    trace_id: str | None
    usage: dict[str, int | None]
    usage_source: str
    usage_flags: list[str]
    cost_nano: dict[str, int]
    saved_nano: int
    price_version: str
    routing_trail: list[JsonObject]


class LogRow(Answer):
    """A request. ``messages`` and ``response`` are always empty: content is not stored."""

    request_id: str
    litellm_call_id: str
    call_type: str
    api_key: str
    spend: float
    total_tokens: int
    prompt_tokens: int
    completion_tokens: int
    startTime: str  # noqa: N815  LiteLLM's names
    endTime: str  # noqa: N815
    request_duration_ms: int
    completionStartTime: str | None  # noqa: N815
    model: str
    model_id: str | None
    model_group: str
    custom_llm_provider: str | None
    api_base: str
    user: str
    metadata: LogMetadata
    cache_hit: str
    cache_key: str
    request_tags: list[str]
    team_id: str | None
    organization_id: str | None
    end_user: str
    requester_ip_address: None
    messages: dict[str, str]
    response: dict[str, str]
    session_id: str | None
    status: Literal["success", "failure"]
    proxy_server_request: dict[str, str]


class LogDay(Answer):
    """What was spent on a day, by user and by model."""

    startTime: str  # noqa: N815
    spend: float
    users: dict[str, float]
    models: dict[str, float]


class LogPage(Answer):
    """A page of requests."""

    data: list[LogRow]
    total: int
    page: int
    page_size: int
    total_pages: int


class LogSearch(LogPage):
    """The same; ``next_cursor`` is the ``cursor`` of the next page."""

    total_is_exact: bool
    next_cursor: str | None


class FacetValue(Answer):
    """A value, what it is called, and how many requests have it."""

    value: str
    label: str | None
    count: int


class LogFacets(Answer):
    """Values to filter on; ``exact`` is false when only the newest requests were counted."""

    exact: bool
    status: list[FacetValue]
    model_group: list[FacetValue]
    provider: list[FacetValue]
    api_key: list[FacetValue]
    team_id: list[FacetValue]
    user_id: list[FacetValue]


class CorrectionView(Answer):
    """A correction or a reset."""

    id: str
    kind: Literal["correction", "reset"]
    entity: str
    amount: float
    reason: str
    request_id: str | None
    created_at: str
    created_by: str


class BudgetsReset(Answer):
    """How many budgets start anew."""

    message: str
    status: str
    budgets: int
