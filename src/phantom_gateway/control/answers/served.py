"""What is answered about models, credentials, fallbacks, settings, health and costs."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from phantom_gateway.control.answers.base import Answer, JsonObject, Message, Owner


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


class PassEndpointView(Answer):
    """A path that is passed through; values of headers and parameters are masked."""

    id: str
    path: str
    target: str
    headers: dict[str, str]
    default_query_params: dict[str, str]
    include_subpath: bool
    cost_per_request: float
    timeout: float | None
    auth: bool
    guardrails: None
    methods: list[str] | None
    forward_headers: bool
    is_from_config: bool


class PassEndpoints(Answer):
    """Paths that are passed through."""

    endpoints: list[PassEndpointView]


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


class FieldSchema(Answer):
    """What settings mean."""

    description: str
    properties: dict[str, str]


class SettingsOf(Values):
    """Settings of new entities."""

    field_schema: FieldSchema


class ValuesSet(Message):
    """Such a setting has been replaced."""

    status: str
    values: JsonObject
    settings: JsonObject


class Switch(Answer):
    """A switch."""

    enabled: bool


class ConfigurationStatus(Answer):
    """The configuration in force, and what the last attempt to load a newer one came to."""

    status: Literal["ok", "refused"]
    revision: int
    deployments: int
    loaded_at: str
    failed_at: str | None
    problems: list[str]
    notes: list[str]
    workers: int


class Callbacks(Answer):
    """Log sinks (none in this release) and the routing in force."""

    status: Literal["success"]
    callbacks: list[str]
    alerts: list[str]
    router_settings: JsonObject
    available_callbacks: dict[str, str]


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


class Cost(Answer):
    """US dollars."""

    cost: float


class TokenPrices(Answer):
    """US dollars per token; null where a kind of token has no price of its own."""

    input_cost_per_token: float
    output_cost_per_token: float
    cache_read_input_token_cost: float | None
    cache_creation_input_token_cost: float | None
    output_cost_per_reasoning_token: float | None


class CostParts(TokenPrices):
    """US dollars by request, day and month, by part, and the prices they come from."""

    model: str
    provider: str | None
    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    reasoning_tokens: int
    num_requests_per_day: int | None
    num_requests_per_month: int | None
    cost_per_request: float
    input_cost_per_request: float
    output_cost_per_request: float
    cache_read_cost_per_request: float
    cache_creation_cost_per_request: float
    reasoning_cost_per_request: float
    margin_cost_per_request: float
    daily_cost: float | None
    daily_input_cost: float | None
    daily_output_cost: float | None
    daily_cache_read_cost: float | None
    daily_cache_creation_cost: float | None
    daily_reasoning_cost: float | None
    daily_margin_cost: float | None
    monthly_cost: float | None
    monthly_input_cost: float | None
    monthly_output_cost: float | None
    monthly_cache_read_cost: float | None
    monthly_cache_creation_cost: float | None
    monthly_reasoning_cost: float | None
    monthly_margin_cost: float | None


class ModelLimits(TokenPrices):
    """Limits and prices of a model, and its abilities (``supports_...``)."""

    model_config = ConfigDict(extra="allow", protected_namespaces=(), defer_build=True)
    __pydantic_extra__: dict[str, bool]

    key: str
    litellm_provider: str | None
    mode: str | None
    max_tokens: int | None
    max_input_tokens: int | None
    max_output_tokens: int | None
    price_version: str


class ModelGroup(Answer):
    """A public model name: the best its deployments offer, the dearest they cost."""

    model_group: str
    providers: list[str]
    max_input_tokens: int | None
    max_output_tokens: int | None
    input_cost_per_token: float
    output_cost_per_token: float
    mode: str | None
    tpm: int | None
    rpm: int | None
    supports_vision: bool
    supports_function_calling: bool
    supports_parallel_function_calling: bool
    supports_web_search: bool
    supports_reasoning: bool
    supported_openai_params: list[str]
    configurable_clientside_auth_params: None
    is_public_model_group: bool


class ModelGroups(Answer):
    """Public model names."""

    data: list[ModelGroup]


class ServedModel(Answer):
    """A model that the key may use; the last three for Anthropic's clients (header `anthropic-version`)."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str
    type: Literal["model"] = "model"
    display_name: str = ""
    created_at: str = ""


class ServedModels(Answer):
    """The models that the key may use; the last three for Anthropic's clients (header `anthropic-version`)."""

    object: Literal["list"]
    data: list[ServedModel]
    has_more: bool = False
    first_id: str | None = None
    last_id: str | None = None


Leaf = str | int | float | bool | list[str | int | float | bool | None] | None


class RunningSetting(Answer):
    """A setting in force; ``file`` and ``line`` where it is written."""

    path: str
    value: Leaf
    source: Literal["config", "db"]
    file: str | None
    line: int | None


class RunningConfiguration(Answer):
    """A page of what is set."""

    settings: list[RunningSetting]
    total_count: int
    page: int
    size: int


class ReloadChange(Answer):
    """What a setting was and is; `null`: not set."""

    path: str
    before: Leaf
    after: Leaf


class ReloadView(Answer):
    """An attempt; with ``problems`` it was refused. ``more``: changes beyond those listed."""

    at: str | None
    revision: int
    problems: list[str]
    changes: list[ReloadChange]
    more: int


class Reloads(Answer):
    """The last attempts, the newest first."""

    reloads: list[ReloadView]
