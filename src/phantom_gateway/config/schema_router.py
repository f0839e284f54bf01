"""``router_settings``: retries, fallbacks, cooldowns, aliases. Wins over ``litellm_settings``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator

from phantom_gateway.config.schema_base import (
    Active,
    BudgetEntry,
    Count,
    Fallbacks,
    FreeDict,
    FreeList,
    Later,
    Name,
    Names,
    Noted,
    Positive,
    Seconds,
    SecretText,
    Section,
    Text,
    as_list,
)

RoutingStrategy = Literal[
    "simple-shuffle",
    "least-busy",
    "usage-based-routing",
    "usage-based-routing-v2",
    "latency-based-routing",
    "cost-based-routing",
    "provider-budget-routing",
]


ENFORCE_RATES = "enforce_model_rate_limits"
PreCallCheck = Literal[
    "prompt_caching",
    "session_affinity",
    "deployment_affinity",
    "router_budget_limiting",
    "responses_api_deployment_check",
    "encrypted_content_affinity",
    "forward_client_headers_by_model_group",
    "enforce_model_rate_limits",
]


class AliasTarget(Section):
    """The long form of an alias."""

    model: Annotated[Name, Active("The model name the alias stands for.")]
    hidden: Annotated[bool, Active("Leave the alias out of `/v1/models`.")] = False


class RetryPolicy(Section):
    """Retries by kind of error; keys as in LiteLLM. What is not named has `num_retries`."""

    BadRequestErrorRetries: Annotated[Count | None, Active("Retries of a 400.")] = None
    AuthenticationErrorRetries: Annotated[Count | None, Active("Retries of a 401.")] = None
    TimeoutErrorRetries: Annotated[Count | None, Active("Retries of a timeout.")] = None
    RateLimitErrorRetries: Annotated[Count | None, Active("Retries of a 429.")] = None
    ContentPolicyViolationErrorRetries: Annotated[
        Count | None, Active("Retries of a refusal by the provider's filter.")
    ] = None
    InternalServerErrorRetries: Annotated[Count | None, Active("Retries of a 500.")] = None
    ServiceUnavailableErrorRetries: Annotated[Count | None, Active("Retries of a 503.")] = None
    NotFoundErrorRetries: Annotated[Count | None, Active("Retries of a 404.")] = None
    DefaultRetries: Annotated[Count | None, Active("Retries of anything else.")] = None


class AllowedFailsPolicy(Section):
    """Failures before a deployment rests, by kind of error; keys as in LiteLLM."""

    BadRequestErrorAllowedFails: Annotated[Count | None, Active("Failures with 400.")] = None
    AuthenticationErrorAllowedFails: Annotated[Count | None, Active("Failures with 401.")] = None
    TimeoutErrorAllowedFails: Annotated[Count | None, Active("Timeouts.")] = None
    RateLimitErrorAllowedFails: Annotated[Count | None, Active("Failures with 429.")] = None
    ContentPolicyViolationErrorAllowedFails: Annotated[Count | None, Active("Refusals by the provider's filter.")] = (
        None
    )
    InternalServerErrorAllowedFails: Annotated[Count | None, Active("Failures with 500.")] = None
    ServiceUnavailableErrorAllowedFails: Annotated[Count | None, Active("Failures with 503.")] = None
    BadGatewayErrorAllowedFails: Annotated[Count | None, Active("Failures with 502.")] = None
    NotFoundErrorAllowedFails: Annotated[Count | None, Active("Failures with 404.")] = None


class RouterSettings(Section):
    """How a call finds its deployment, and what happens when it fails."""

    routing_strategy: Annotated[
        RoutingStrategy | None,
        Active(
            "How one of several deployments is chosen; default `simple-shuffle`. `usage-based-routing` is the same as its `-v2`, "
            "`provider-budget-routing` the same as the default: budgets hold with every strategy. With `usage-based-routing`, "
            "`rpm` and `tpm` are limits."
        ),
    ] = None
    routing_strategy_args: Annotated[
        FreeDict | None,
        Noted("The strategies need none: latency is an average that forgets by itself, use is counted by the minute."),
    ] = None
    num_retries: Annotated[Count | None, Active("Retries of a failed call; default 2.")] = None
    retry_after: Annotated[Seconds | None, Active("Seconds to wait at least before a retry.")] = None
    timeout: Annotated[Seconds | None, Active("Seconds until an attempt is given up; default 600.")] = None
    stream_timeout: Annotated[Seconds | None, Active("Seconds until the first byte of a stream.")] = None
    allowed_fails: Annotated[
        Count | None, Active("Failures in a row that are allowed before a deployment rests; default 3.")
    ] = None
    cooldown_time: Annotated[
        Seconds | None,
        Active(
            "Seconds a failing deployment rests; default 5. Doubles, up to eight times as long, while it goes on failing."
        ),
    ] = None
    fallbacks: Annotated[
        Fallbacks | None,
        Active('`[{model: [fallback, ...]}]`: tried in order when a model fails; `"*"` stands for every model.'),
    ] = None
    default_fallbacks: Annotated[Names | None, Active("Models tried when any model fails.")] = None
    max_fallbacks: Annotated[Count | None, Active("Fallbacks tried for one request; default 5.")] = None
    model_group_alias: Annotated[
        dict[str, Name | AliasTarget] | None, Active("`{alias: model}` or `{alias: {model, hidden}}`.")
    ] = None
    context_window_fallbacks: Annotated[Fallbacks | None, Active("Models tried when the input is too long.")] = None
    content_policy_fallbacks: Annotated[
        Fallbacks | None, Active("Models tried when the provider's filter refuses.")
    ] = None
    retry_policy: Annotated[RetryPolicy | None, Active("Retries by kind of error.")] = None
    model_group_retry_policy: Annotated[
        dict[str, RetryPolicy] | None, Active("Retries by model and kind of error.")
    ] = None
    allowed_fails_policy: Annotated[AllowedFailsPolicy | None, Active("Failures before a rest, by kind of error.")] = (
        None
    )
    disable_cooldowns: Annotated[bool | None, Active("Never let a deployment rest.")] = None
    redis_host: Annotated[Text | None, Active("Redis shared by several nodes.")] = None
    redis_port: Annotated[Positive | None, Active("Port of Redis.")] = None
    redis_password: Annotated[SecretText | None, Active("Password of Redis.")] = None
    redis_url: Annotated[SecretText | None, Active("Address of Redis, with its credentials.")] = None
    redis_db: Annotated[Count | None, Active("Number of the Redis database.")] = None
    enable_pre_call_checks: Annotated[
        bool | None,
        Active(
            "Leave out deployments whose input limit (`max_input_tokens`) the request exceeds, by estimate of its size."
        ),
    ] = None
    optional_pre_call_checks: Annotated[
        list[PreCallCheck] | None,
        BeforeValidator(as_list),
        Active(
            "What keeps requests on one deployment: `prompt_caching` a conversation, `session_affinity` a session "
            "(`x-litellm-session-id`), `deployment_affinity` a key. With `enforce_model_rate_limits`, `rpm` and `tpm` of "
            "deployments are limits; a full one is left out. `router_budget_limiting` and "
            "`responses_api_deployment_check` always hold."
        ),
    ] = None
    enable_tag_filtering: Annotated[bool | None, Active("Route by tags.")] = None
    tag_filtering_match_any: Annotated[
        bool | None,
        Active("One tag in common suffices (the default); `false`: a deployment must have all tags of the request."),
    ] = None
    provider_budget_config: Annotated[
        dict[Name, BudgetEntry] | None,
        Active("Budgets by provider; when one is spent, deployments of other providers serve."),
    ] = None
    default_max_parallel_requests: Annotated[
        Positive | None, Active("`max_parallel_requests` of deployments without one.")
    ] = None
    default_litellm_params: Annotated[FreeDict | None, Later("Parameters of every deployment.")] = None
    cache_responses: Annotated[bool | None, Later("Cache answers.")] = None
    caching_groups: Annotated[FreeList | None, Later("Models that share cached answers.")] = None
    client_ttl: Annotated[Seconds | None, Noted("Connections are pooled and closed when idle.")] = None
    deployment_affinity_ttl_seconds: Annotated[
        Seconds | None, Noted("An affinity is computed, not remembered: it lasts as long as the deployment serves.")
    ] = None
    enable_health_check_routing: Annotated[
        bool | None, Active("Ask deployments whose last health check failed only when there is no other.")
    ] = None
    enable_weighted_failover: Annotated[bool | None, Noted("Retries always follow the strategy and the weights.")] = (
        None
    )
    ignore_invalid_deployments: Annotated[
        bool | None, Noted("An invalid deployment refuses the configuration; the old one keeps serving.")
    ] = None
    set_verbose: Annotated[bool | None, Noted("Verbose logs would show prompts.")] = None
    debug_level: Annotated[Name | None, Noted("Verbose logs would show prompts.")] = None
