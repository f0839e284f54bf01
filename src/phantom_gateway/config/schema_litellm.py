"""``litellm_settings``: what LiteLLM keeps as module globals. Unknown keys are kept and warned about."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phantom_gateway.config.schema_base import (
    Active,
    BudgetEntry,
    Count,
    Dollars,
    Fallbacks,
    FreeDict,
    FreeList,
    Later,
    Money,
    Name,
    Names,
    Noted,
    Number,
    OpenSection,
    Positive,
    Seconds,
    SecretText,
    Section,
    Text,
    WindowText,
    Zone,
)
from phantom_gateway.config.schema_keys import KeyBounds, KeyDefaults, KeyGeneration

Part = Annotated[Number, Field(le=1)]
ErrorStatus = Annotated[int, Field(ge=400, le=499)]


class PriorityShare(Section):
    """One share of ``priority_reservation`` in its long form."""

    type: Annotated[Literal["percent", "rpm", "tpm"], Active("What `value` is; default `percent`, a part of one.")] = (
        "percent"
    )
    value: Annotated[Number, Active("The share.")]


class PrioritySettings(OpenSection):
    """``priority_reservation_settings``."""

    default_priority: Annotated[
        Part | None, Active("The share, as a part of one, of all without a priority together; default 0.25.")
    ] = None
    saturation_threshold: Annotated[
        Part | None,
        Active("From which use of a model's capacity on, as a part of one, shares are enforced; default 0.5."),
    ] = None
    saturation_check_cache_ttl: Annotated[Seconds | None, Noted("The counters are exact; nothing is cached.")] = None


class CacheParams(OpenSection):
    """``cache_params``: where answers are cached."""

    type: Annotated[
        Name | None,
        Active(
            "`local` (the memory of each worker) or `redis`; default `redis` where an address is found, else `local`. Other "
            "types (`s3`, `disk`, `redis-semantic`, ...) are accepted, not active yet: then nothing is cached."
        ),
    ] = None
    mode: Annotated[
        Literal["default_on", "default_off"] | None,
        Active("`default_off`: only requests with `cache: {use-cache: true}` use it; default `default_on`."),
    ] = None
    host: Annotated[Text | None, Active("Host of Redis; default `REDIS_URL`, `REDIS_HOST`.")] = None
    port: Annotated[Positive | None, Active("Port of Redis; default 6379.")] = None
    username: Annotated[Text | None, Active("User of Redis.")] = None
    password: Annotated[SecretText | None, Active("Password of Redis.")] = None
    db: Annotated[Count | None, Active("Number of the database in Redis; default 0.")] = None
    url: Annotated[
        SecretText | None, Active("`redis://`, `rediss://` (TLS) or `unix://`, with credentials; wins over `host`.")
    ] = None
    namespace: Annotated[Text | None, Active("Stands before the names of cached answers.")] = None
    ttl: Annotated[Seconds | None, Active("Seconds an answer is kept; default 600.")] = None
    default_in_memory_ttl: Annotated[Seconds | None, Active("`ttl` of type `local`.")] = None
    default_in_redis_ttl: Annotated[Seconds | None, Active("`ttl` of type `redis`.")] = None
    ssl: Annotated[bool | None, Active("Use TLS to Redis.")] = None
    supported_call_types: Annotated[
        Names | None,
        Active(
            "Calls that are cached: `acompletion`, `atext_completion`, `aembedding`, `anthropic_messages`, ...; default: all "
            "that can be."
        ),
    ] = None
    redis_startup_nodes: Annotated[FreeList | None, Later("Nodes of a Redis cluster.")] = None
    sentinel_nodes: Annotated[FreeList | None, Later("Redis sentinels.")] = None
    service_name: Annotated[Text | None, Later("Redis sentinel service.")] = None
    similarity_threshold: Annotated[Number | None, Later("Threshold of a semantic cache.")] = None
    s3_bucket_name: Annotated[Text | None, Later("Bucket of an S3 cache.")] = None


class InternalUserParams(Section):
    """``default_internal_user_params``: what a new user gets where the request says nothing."""

    user_role: Annotated[
        Literal["proxy_admin_viewer", "internal_user", "internal_user_viewer"] | None,
        Active("Role; default `internal_user`."),
    ] = None
    max_budget: Annotated[
        Dollars | None, Active("Budget, US dollars; default `litellm_settings.max_internal_user_budget`.")
    ] = None
    budget_duration: Annotated[
        WindowText | None, Active("Window; default `litellm_settings.internal_user_budget_duration`.")
    ] = None
    models: Annotated[Names | None, Active("Models.")] = None
    teams: Annotated[
        Names | None, Active("Ids of teams the user becomes a member of; those that do not exist are left out.")
    ] = None
    rpm_limit: Annotated[Count | None, Active("Requests a minute.")] = None
    tpm_limit: Annotated[Count | None, Active("Tokens a minute.")] = None
    max_parallel_requests: Annotated[Count | None, Active("Requests at once.")] = None


class TeamParams(Section):
    """``default_team_params``."""

    max_budget: Annotated[Dollars | None, Active("Budget, US dollars.")] = None
    budget_duration: Annotated[
        WindowText | None, Active("Budget window; a request that says null gets one that never resets.")
    ] = None
    rpm_limit: Annotated[Count | None, Active("Requests a minute.")] = None
    tpm_limit: Annotated[Count | None, Active("Tokens a minute.")] = None
    team_member_permissions: Annotated[
        Names | None, Active("Routes of `/key/*` that plain members may use for the team's keys.")
    ] = None
    models: Annotated[Names | None, Later("Models of teams that single sign-on makes.")] = None


class LitellmSettings(OpenSection):
    """Behaviour of calls. ``router_settings`` wins where both have a key."""

    request_timeout: Annotated[
        Seconds | None,
        Active(
            "Seconds for a call in all, retries and fallbacks included; also for one attempt unless `router_settings.timeout` is "
            "set; default 600 (LiteLLM: 6000)."
        ),
    ] = None
    num_retries: Annotated[Count | None, Active("Retries of a failed call; default 2.")] = None
    allowed_fails: Annotated[Count | None, Active("Failures in a row that are allowed before a deployment rests.")] = (
        None
    )
    cooldown_time: Annotated[Seconds | None, Active("Seconds a failing deployment rests.")] = None
    ssl_verify: Annotated[
        bool | Text | None, Active("`false`: accept any certificate of upstreams; a path: trust this CA file only.")
    ] = None
    fallbacks: Annotated[
        Fallbacks | None, Active("`[{model: [fallback, ...]}]`: tried in order when a model fails.")
    ] = None
    default_fallbacks: Annotated[Names | None, Active("Models tried when any model fails.")] = None
    context_window_fallbacks: Annotated[Fallbacks | None, Active("Models tried when the input is too long.")] = None
    content_policy_fallbacks: Annotated[
        Fallbacks | None, Active("Models tried when the provider's filter refuses.")
    ] = None
    budget_exceeded_status_code: Annotated[
        ErrorStatus | None, Active("HTTP status of an exceeded budget; default 422.")
    ] = None
    budget_exceeded_throttle_percentage: Annotated[
        Annotated[Part, Field(gt=0)] | None,
        Active(
            "Keys with `throttle_on_budget_exceeded` that have spent their `max_budget` go on at this part (0 to 1) of their "
            "`rpm_limit` and `tpm_limit`. Without it they are refused like others."
        ),
    ] = None
    callbacks: Annotated[Names | None, Later("Log sinks.")] = None
    success_callback: Annotated[Names | None, Later("Log sinks of successful calls.")] = None
    failure_callback: Annotated[Names | None, Later("Log sinks of failed calls.")] = None
    service_callbacks: Annotated[Names | None, Later("Sinks of service metrics.")] = None
    service_callback: Annotated[Names | None, Later("Another name of `service_callbacks`.")] = None
    vertex_project: Annotated[
        Text | None, Active("Google Cloud project of `vertex_ai/...` deployments without one (bridge).")
    ] = None
    vertex_location: Annotated[
        Text | None, Active("Google Cloud location of `vertex_ai/...` deployments without one (bridge).")
    ] = None
    turn_off_message_logging: Annotated[bool | None, Noted("Messages are never logged unless asked for.")] = None
    redact_user_api_key_info: Annotated[bool | None, Later("Leave key information out of logs.")] = None
    json_logs: Annotated[bool | None, Later("Log in JSON.")] = None
    set_verbose: Annotated[bool | None, Noted("Verbose logs would show prompts.")] = None
    drop_params: Annotated[
        bool | None, Active("The same for all deployments: leave out what a provider's API does not have.")
    ] = None
    modify_params: Annotated[
        bool | None,
        Active("Let the bridge adapt requests to what a provider accepts (a missing first message of the user)."),
    ] = None
    force_ipv4: Annotated[bool | None, Later("Reach upstreams over IPv4 only.")] = None
    cache: Annotated[bool | None, Active("Answer repeated requests from a cache, for nothing; default `false`.")] = None
    cache_params: Annotated[CacheParams | None, Active("Where answers are cached.")] = None
    enable_redis_auth_cache: Annotated[bool | None, Noted("Key records are pushed to the workers.")] = None
    max_budget: Annotated[
        Money | None, Active("Budget of the whole gateway, US dollars; the master key is bounded by it, too.")
    ] = None
    budget_duration: Annotated[WindowText | None, Active("Window of `max_budget`; without it, it never resets.")] = None
    timezone: Annotated[
        Zone | None,
        Active(
            "Time zone (`Europe/Berlin`) at whose midnights new budgets of days, weeks and months begin; default UTC."
        ),
    ] = None
    max_internal_user_budget: Annotated[Dollars | None, Active("Budget of a new user, US dollars.")] = None
    internal_user_budget_duration: Annotated[WindowText | None, Active("Window of `max_internal_user_budget`.")] = None
    max_end_user_budget: Annotated[
        Money | None, Active("Budget of every customer (end user) without one, US dollars; never resets.")
    ] = None
    max_end_user_budget_id: Annotated[
        Name | None, Active("Budget (`/budget/new`) of every customer without one; wins over `max_end_user_budget`.")
    ] = None
    default_internal_user_params: Annotated[InternalUserParams | None, Active("Fields of new users.")] = None
    default_team_params: Annotated[
        TeamParams | None, Active("What `/team/new` takes for fields it is not given, or given as null.")
    ] = None
    default_team_settings: Annotated[FreeList | None, Later("Log sinks by team.")] = None
    default_key_generate_params: Annotated[
        KeyDefaults | None, Active("What `/key/generate` takes for fields it is not given.")
    ] = None
    upperbound_key_generate_params: Annotated[
        KeyBounds | None, Active("Upper bounds for fields of keys, for everybody; a field left out gets the bound.")
    ] = None
    key_generation_settings: Annotated[KeyGeneration | None, Active("Who may make keys, and what must be given.")] = (
        None
    )
    cost_discount_config: Annotated[dict[str, Number] | None, Later("Discount by provider.")] = None
    cost_margin_config: Annotated[FreeDict | None, Later("Margin by provider.")] = None
    tag_budget_config: Annotated[
        dict[Name, BudgetEntry] | None, Active("Budgets by tag, for tags without one of their own.")
    ] = None
    priority_reservation: Annotated[
        dict[Name, Number | PriorityShare] | None,
        Active(
            "Shares of each model's `rpm` and `tpm` by priority, as parts of one or `{type: percent|rpm|tpm, value}`. A priority "
            "is the `metadata.priority` of a team, else of a key. Needs no callback."
        ),
    ] = None
    priority_reservation_settings: Annotated[PrioritySettings | None, Active("How the shares are enforced.")] = None
    store_audit_logs: Annotated[bool | None, Noted("Administrative changes are always recorded.")] = None
    public_model_groups: Annotated[Names | None, Later("Models shown on the public hub.")] = None
    require_auth_for_metrics_endpoint: Annotated[bool | None, Later("Ask for a key at `/metrics`.")] = None
    prometheus_metrics_config: Annotated[FreeList | None, Later("Which metrics and labels are kept.")] = None
    custom_prometheus_metadata_labels: Annotated[Names | None, Later("Metadata fields that become labels.")] = None
    langfuse_default_tags: Annotated[Names | None, Later("Tags sent to Langfuse.")] = None
    mcp_aliases: Annotated[dict[str, Text] | None, Later("Short names of MCP servers.")] = None
    enable_json_schema_validation: Annotated[bool | None, Later("Check answers against the requested JSON schema.")] = (
        None
    )
    network_mock: Annotated[bool | None, Later("Answer without calling anybody; use the `demo` model.")] = None
    custom_provider_map: Annotated[FreeList | None, Later("Providers written in Python.")] = None
    return_response_headers: Annotated[bool | None, Later("Return the provider's response headers.")] = None
