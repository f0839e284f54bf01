"""What routes answer, for their description. Nothing is filtered through these; tests hold answers against them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

JsonObject = dict[str, Any]
Owner = Literal["db", "config"]


class Answer(BaseModel):
    """Base: all fields are there, and no others."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=(), defer_build=True)


class Message(Answer):
    """A change that has no other result."""

    message: str


class Success(Message):
    """The same, as credentials have it."""

    success: bool


class ModelRecord(Answer):
    """A model of the database, without secrets."""

    model_id: str
    model_name: str
    litellm_params: JsonObject
    model_info: JsonObject
    blocked: bool
    created_at: str | None
    created_by: str | None
    updated_at: str | None
    updated_by: str | None


class ModelFacts(BaseModel):
    """``model_info``: further fields are those its owner wrote."""

    model_config = ConfigDict(extra="allow", defer_build=True)

    id: str
    db_model: bool


class ModelView(Answer):
    """A deployment."""

    model_name: str
    litellm_params: JsonObject
    model_info: ModelFacts


class ModelList(Answer):
    """Deployments."""

    data: list[ModelView]


class ModelPage(ModelList):
    """Deployments by pages."""

    total_count: int
    current_page: int
    total_pages: int
    size: int


class CredentialView(Answer):
    """A credential; its values are masked."""

    credential_name: str
    display_name: str | None
    credential_info: JsonObject
    credential_values: dict[str, str]
    source: Owner


class CredentialList(Answer):
    """Credentials."""

    success: bool
    credentials: list[CredentialView]


class CredentialOfModel(Answer):
    """With what a model is reached; values are masked."""

    credential_name: str
    credential_info: JsonObject
    credential_values: dict[str, str]


class FallbackView(Answer):
    """The fallbacks of a model."""

    model: str
    fallback_models: list[str]
    fallback_type: str
    source: Owner


class FallbackSet(Answer):
    """Fallbacks as they have been set."""

    model: str
    fallback_models: list[str]
    fallback_type: str
    message: str


class FallbackGone(Answer):
    """Fallbacks have been removed."""

    model: str
    fallback_type: str
    message: str


class SettingView(Answer):
    """A setting that can be made over the API."""

    field_name: str
    field_type: str
    field_description: str
    field_value: Any
    stored_in_db: bool
    field_default_value: Any
    premium_field: bool
    nested_fields: Any
    config_type: str
    source: Literal["db", "config", "default"]


class SettingSet(Message):
    """A setting has been made or removed."""

    param_name: str
    field_name: str


class Values(Answer):
    """A setting that is a mapping."""

    values: JsonObject


class SettingsOf(Values):
    """Settings of new entities."""

    field_schema: JsonObject


class ValuesSet(Message):
    """Such a setting has been replaced."""

    status: str
    values: JsonObject
    settings: JsonObject


class Enabled(Answer):
    """A switch."""

    enabled: bool


class HealthRound(Answer):
    """Checks of deployments."""

    healthy_endpoints: list[JsonObject]
    unhealthy_endpoints: list[JsonObject]
    unchecked_endpoints: list[JsonObject]
    healthy_count: int
    unhealthy_count: int


class HealthHistory(Answer):
    """Checks that were made."""

    health_checks: list[JsonObject]
    total_records: int
    limit: int
    offset: int


class HealthLatest(Answer):
    """The last checks, by deployment."""

    latest_health_checks: dict[str, JsonObject]
    deployments: dict[str, JsonObject]
    total_models: int


class Backlog(Answer):
    """Requests in flight."""

    in_flight_requests: int


class ConnectionTested(Answer):
    """What came of a test."""

    status: Literal["success", "error"]
    result: JsonObject


class Tokens(Answer):
    """A count of tokens, and how it was made."""

    total_tokens: int
    request_model: str
    model_used: str
    tokenizer_type: str
    count_source: Literal["provider", "token_count_model", "local_estimate"]
    original_response: JsonObject | None
    error: bool
    error_message: str | None
    status_code: int | None


class SupportedParams(Answer):
    """Parameters of the OpenAI API."""

    supported_openai_params: list[str]


class RawRequest(Answer):
    """What would be sent."""

    raw_request_api_base: str
    raw_request_body: JsonObject
    raw_request_headers: JsonObject
    error: str | None


class Explanation(Answer):
    """What would happen to a request. What lies behind the stage that refuses it is not there."""

    allowed: bool
    stage: Literal["key", "request", "limits", "route", "call"]
    error: JsonObject | None
    key: JsonObject | None = None
    model: JsonObject | None = None
    limits: list[JsonObject] | None = None
    estimate: JsonObject | None = None
    route: JsonObject | None = None
    fallbacks: dict[str, list[JsonObject]] | None = None


class Cost(Answer):
    """US dollars."""

    cost: float


class CostParts(BaseModel):
    """US dollars by request, day and month, by part, and the prices they come from."""

    model_config = ConfigDict(extra="allow", protected_namespaces=(), defer_build=True)

    model: str
    input_tokens: int
    output_tokens: int
    cost_per_request: float
    input_cost_per_request: float
    output_cost_per_request: float
    daily_cost: float | None
    monthly_cost: float | None
    provider: str | None


class Status(Answer):
    """It is done."""

    status: Literal["success"]


class CachePing(Answer):
    """The state of the cache."""

    status: Literal["healthy"]
    cache_type: Literal["local", "redis"]
    ping_response: bool | None
    set_cache_response: str | None
    litellm_cache_params: str | None
    health_check_cache_params: JsonObject | None


class RedisInfo(Answer):
    """What a Redis says of itself."""

    num_clients: int
    clients: list[JsonObject]
    info: JsonObject


class CacheField(Answer):
    """One setting of the cache."""

    field_name: str
    field_type: str
    field_value: Any
    field_description: str
    field_default: Any
    options: list[str] | None
    ui_field_name: str
    link: str | None
    redis_type: str | None


class CacheSettings(Answer):
    """The settings of the cache."""

    fields: list[CacheField]
    current_values: JsonObject
    redis_type_descriptions: dict[str, str]
