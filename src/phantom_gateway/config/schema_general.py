"""``general_settings``: keys, database, limits and background work of the gateway."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from phantom_gateway.config.credentials import conceal
from phantom_gateway.config.schema_base import (
    Active,
    Blocks,
    Count,
    CronText,
    DurationText,
    Free,
    FreeDict,
    FreeList,
    Later,
    Name,
    Names,
    Noted,
    Number,
    Positive,
    Seconds,
    SecretText,
    Section,
    Text,
    as_list_of_mappings,
)
from phantom_gateway.config.schema_litellm import ErrorStatus

HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$")]


def _hidden(value: Any) -> Any:
    return conceal(value, below=True)


HiddenDict = Annotated[dict[str, Any], BeforeValidator(_hidden)]


class UserHeader(Section):
    """An entry of ``user_header_mappings``."""

    header_name: Annotated[HeaderName, Active("The request header.")]
    litellm_user_role: Annotated[
        Literal["internal_user", "customer"], Active("Whom it names; the first header that is there counts.")
    ]


class GeneralSettings(Section):
    """The gateway itself."""

    master_key: Annotated[
        SecretText | None, Active("The administrator's key; starts with `sk-`. Made on first start when absent.")
    ] = None
    database_url: Annotated[
        SecretText | None,
        Active(
            "`postgresql://user:password@host:port/database` or `sqlite:///file`; else `DATABASE_URL`, else the SQLite file in the "
            "data directory. Read at the start."
        ),
    ] = None
    litellm_key_header_name: Annotated[HeaderName | None, Active("One more request header that may carry the key.")] = (
        None
    )
    user_header_name: Annotated[HeaderName | None, Active("Request header that names the end user.")] = None
    budget_exceeded_status_code: Annotated[
        ErrorStatus | None, Active("HTTP status of an exceeded budget; default 422.")
    ] = None
    global_max_parallel_requests: Annotated[
        Positive | None, Active("Requests in flight at once on the whole gateway.")
    ] = None
    always_include_stream_usage: Annotated[bool | None, Active("Send usage at the end of every stream.")] = None
    max_request_size_mb: Annotated[Number | None, Field(gt=0, le=1024), Active("Largest request body; default 32.")] = (
        None
    )
    max_response_size_mb: Annotated[Number | None, Later("Largest response body.")] = None
    max_parallel_requests: Annotated[
        Positive | None, Active("Requests in flight at once of every key without a limit of its own.")
    ] = None
    database_connection_pool_limit: Annotated[
        Annotated[int, Field(ge=3, le=1000)] | None,
        Active("Connections of this node to PostgreSQL, in all; default 10. Workers have none."),
    ] = None
    database_connection_timeout: Annotated[
        Seconds | None, Active("Seconds to wait for a connection to PostgreSQL; default 5.")
    ] = None
    database_type: Annotated[Name | None, Noted("The database is chosen by `database_url`.")] = None
    allow_requests_on_db_unavailable: Annotated[
        bool | None, Noted("Workers serve known keys without the database; unknown keys get 503.")
    ] = None
    store_model_in_db: Annotated[
        bool | None,
        Active(
            "`false`: no models and credentials are made over the API, and those in the database are not served; default true "
            "(LiteLLM: false)."
        ),
    ] = None
    store_prompts_in_spend_logs: Annotated[bool | None, Later("Keep prompts and answers with the spend.")] = None
    disable_spend_logs: Annotated[bool | None, Later("Keep sums only, no row per request.")] = None
    disable_error_logs: Annotated[bool | None, Later("Keep no rows of failed requests.")] = None
    proxy_batch_write_at: Annotated[
        Seconds | None, Noted("Spend is journaled with the request; nothing waits for a batch.")
    ] = None
    proxy_budget_rescheduler_min_time: Annotated[
        Seconds | None, Noted("A budget's reset is arithmetic, not a job.")
    ] = None
    proxy_budget_rescheduler_max_time: Annotated[
        Seconds | None, Noted("A budget's reset is arithmetic, not a job.")
    ] = None
    maximum_spend_logs_retention_period: Annotated[
        DurationText | None,
        Active(
            "How long rows of requests are kept, in whole UTC days (a month is 31 of them); sums are kept for ever."
        ),
    ] = None
    maximum_spend_logs_retention_interval: Annotated[
        DurationText | None, Active("How often old rows are removed; default `1d`.")
    ] = None
    maximum_spend_logs_cleanup_cron: Annotated[
        CronText | None, Active("When old rows are removed instead: five fields of cron, in UTC.")
    ] = None
    use_spend_logs_partitioning: Annotated[bool | None, Noted("The table's layout is the gateway's own.")] = None
    use_redis_transaction_buffer: Annotated[bool | None, Noted("The journal is the buffer.")] = None
    coordination_redis: Annotated[
        HiddenDict | None,
        Active(
            "Redis or Valkey through which nodes share limits (`host`, `port`, `username`, `password`, `db`, `ssl`, or `url`); "
            "wins over `router_settings.redis_*`, `litellm_settings.cache_params` and `REDIS_*`. Read at the start."
        ),
    ] = None
    alerting: Annotated[Names | None, Later("`slack`, `email`, `webhook`, ...")] = None
    alerting_threshold: Annotated[Seconds | None, Later("Seconds after which a slow call raises an alert.")] = None
    alerting_args: Annotated[FreeDict | None, Later("Settings of alerts.")] = None
    alert_types: Annotated[Names | None, Later("Which alerts are sent.")] = None
    alert_to_webhook_url: Annotated[HiddenDict | None, Later("Webhook by alert.")] = None
    background_health_checks: Annotated[
        bool | None,
        Active("Call deployments with a smallest request in the background. The providers bill these calls."),
    ] = None
    health_check_interval: Annotated[
        Seconds | None, Active("Seconds between background health checks; default 300.")
    ] = None
    health_check_concurrency: Annotated[Positive | None, Active("Health checks at once; default 16.")] = None
    health_check_details: Annotated[bool | None, Later("Show details in `/health`.")] = None
    use_shared_health_check: Annotated[bool | None, Later("One node checks for all.")] = None
    custom_auth: Annotated[Text | None, Later("Python function that authenticates.")] = None
    enable_jwt_auth: Annotated[bool | None, Later("Accept JWTs.")] = None
    litellm_jwtauth: Annotated[FreeDict | None, Later("How JWTs are read.")] = None
    enable_oauth2_auth: Annotated[bool | None, Later("Accept OAuth 2 tokens.")] = None
    pass_through_endpoints: Annotated[
        FreeList | None,
        Active(
            "Paths whose requests are passed to other services: `path`, `target`, `headers`, `include_subpath`, `methods`, "
            "`cost_per_request` (US dollars), `timeout`, `default_query_params`, `forward_headers`. A key is always needed."
        ),
    ] = None
    forward_client_headers_to_llm_api: Annotated[bool | None, Later("Pass `x-` headers of the client on.")] = None
    allowed_routes: Annotated[Names | None, Later("Routes that are served.")] = None
    admin_only_routes: Annotated[Names | None, Later("Routes for administrators only.")] = None
    public_routes: Annotated[Names | None, Later("Routes without authentication.")] = None
    allowed_ips: Annotated[
        Blocks | None,
        Active("Client addresses, or blocks of them, that are served; others get 403, but for the probes of health."),
    ] = None
    use_x_forwarded_for: Annotated[
        bool | None,
        Active(
            "Take the client's address from `X-Forwarded-For`: the last one there that is no trusted proxy's. Only behind a proxy "
            "that sets it."
        ),
    ] = None
    trusted_proxy_ranges: Annotated[
        Blocks | None,
        Active("Proxies whose `X-Forwarded-For` is believed, with `use_x_forwarded_for`; default: whoever connects."),
    ] = None
    enforce_user_param: Annotated[
        bool | None, Active("Every request to a model must name its customer: `user`, or a header for it.")
    ] = None
    enforced_params: Annotated[
        Names | None, Active("Fields every request to a model must have: `user`, `metadata.generation_name`.")
    ] = None
    reject_clientside_metadata_tags: Annotated[bool | None, Active("Refuse tags from the client.")] = None
    user_header_mappings: Annotated[
        list[UserHeader] | None,
        BeforeValidator(as_list_of_mappings),
        Field(max_length=20),
        Active("Headers that name customers, or the user on whose behalf a key without a user calls."),
    ] = None
    ui_access_mode: Annotated[Literal["admin_only", "all"] | None, Later("Who may use the UI.")] = None
    key_management_system: Annotated[Name | None, Later("Where `os.environ/` names are looked up instead.")] = None
    key_management_settings: Annotated[FreeDict | None, Later("Settings of the key management system.")] = None
    cancel_on_disconnect: Annotated[
        bool | None,
        Active(
            "Stop an unstreamed call when its client leaves, and bill an estimate; default false: bring it to its end and bill "
            "what it used. Streams are always stopped and billed for what was produced."
        ),
    ] = None
    token_rate_limit_type: Annotated[
        Literal["total", "input", "output"] | None, Active("Which tokens count against token limits; default `total`.")
    ] = None
    disable_master_key_return: Annotated[bool | None, Noted("The master key is never returned.")] = None
    control_plane_url: Annotated[Text | None, Later("Address of a separate control plane.")] = None
    fail_closed_rate_limit_enforcement: Annotated[bool | None, Noted("Limits always fail closed.")] = None
    disable_budget_reservation: Annotated[bool | None, Noted("Budgets are always reserved before a call.")] = None
    max_in_flight_requests_per_worker: Annotated[
        Positive | None, Later("Requests in flight at once in one worker.")
    ] = None
    max_queued_requests_per_worker: Annotated[Count | None, Later("Requests waiting in one worker.")] = None
    admission_queue_timeout_seconds: Annotated[Seconds | None, Later("Seconds a request may wait.")] = None
    proxy_config_reload_interval_seconds: Annotated[
        Seconds | None, Later("Seconds between looks at the configuration.")
    ] = None
    user_url_validation: Annotated[bool | None, Noted("Addresses from requests are never called.")] = None
    user_url_allowed_hosts: Annotated[Names | None, Noted("Addresses from requests are never called.")] = None
    provider_url_destination_allowed_hosts: Annotated[
        Names | None, Noted("Addresses come from the configuration only.")
    ] = None
    include_call_id_in_error_body: Annotated[bool | None, Later("Put the call's id into error bodies.")] = None
    completion_model: Annotated[Name | None, Later("Model used for every request.")] = None
    infer_model_from_keys: Annotated[
        bool | None, Noted("Without `model_list`, models come from the provider keys found anyway.")
    ] = None
    dangerously_permit_weak_or_unset_master_key: Annotated[
        Free | None, Noted("An unset key is made; a weak one is refused.")
    ] = None


_OTHER_KEYS = """
allow_cli_sso_verification_uri_complete allow_client_side_credentials allow_public_health_readiness_details
allow_unmanaged_response_ids allow_user_auth alert_type_config allowed_file_extensions apply_user_budget_to_team_keys
auto_redirect_ui_login_to_sso background_health_check_model_groups blocked_file_extensions
claude_code_gateway_managed_settings custom_auth_run_common_checks custom_key_generate custom_key_policy custom_key_update
custom_sso custom_team_metadata_validate custom_ui_sso_sign_in_handler database_args database_connect_timeout
database_connection_pool_timeout database_disable_prepared_statements database_extra_connection_params
database_max_idle_connection_lifetime database_socket_timeout default_team_disabled disable_auto_add_proxy_admin_to_teams
disable_batch_input_file_rate_limiting disable_bedrock_agent_runtime_passthrough disable_custom_api_keys
disable_env_credential_login disable_key_generate_for_org_admin disable_model_info_refresh
disable_password_login_when_sso_enabled disable_prisma_schema_update disable_reset_budget disable_responses_id_security
disable_retry_on_max_parallel_request_limit_error disable_spend_updates drain_endpoint_token enable_claude_code_gateway
enable_drain_endpoint enable_health_check_routing enable_mcp_registry enable_oauth enable_openai_websocket_passthrough
enable_public_model_hub enforce_fallback_model_access enforce_rbac expose_fallback_errors_to_caller
fail_closed_budget_enforcement failed_login_block_seconds failed_login_window_seconds forward_llm_provider_auth_headers
forward_openai_org_id health_check_ignore_transient_errors health_check_skip_disabled_background_models
health_check_staleness_threshold hide_default_credentials_hint litellm_license max_batch_file_records max_batch_file_size_mb
max_batch_file_uploads_per_day max_failed_login_attempts_per_source max_failed_login_attempts_per_source_overrides
max_file_downloads_per_minute max_file_size_mb maximum_autorouter_session_retention_period
maximum_daily_tag_spend_retention_period maximum_health_check_retention_period maximum_spend_logs_cleanup_batch_size
maximum_spend_logs_cleanup_batch_timeout maximum_spend_logs_cleanup_max_batches maximum_spend_logs_cleanup_run_budget
mcp_advertised_versions mcp_allow_all_keys_respects_mcp_scope mcp_allowed_clients mcp_client_id_header
mcp_client_side_auth_header_name mcp_internal_ip_ranges mcp_prefer_client_id_metadata_document mcp_required_fields
mcp_session_token_signing mcp_trusted_proxy_ranges mcp_xff_num_trusted_hops missing_session_id model_list_healthy_only oauth
otel pass_through_request_timeout passthrough_managed_object_ids password_policy_check_breached_passwords
password_policy_min_length password_policy_require_lowercase password_policy_require_numbers
password_policy_require_special_characters password_policy_require_uppercase plugins require_end_user_mcp_access_defined
require_key_mcp_access_defined responses_websocket_session_limit_seconds role_permissions scheduled_job_stagger
search_tool_deny_by_default search_tools service_account_settings skip_batch_input_file_rate_limiting_for_models
skip_batch_input_file_rate_limiting_for_providers spend_capture_rate_check spend_logs_metadata_fields spend_report_frequency
supported_db_objects team_metadata_schema team_metadata_validation_error_message team_metadata_validation_timeout tracing
track_unmanaged_batch_cost transcribe_media_buckets use_azure_key_vault use_google_kms use_team_public_model_name
user_api_key_cache_max_size user_api_key_cache_ttl user_mcp_management_mode vector_store_deny_by_default
"""
OTHER_KEYS = frozenset(_OTHER_KEYS.split())
"""Further keys LiteLLM 1.106.2 knows: accepted without a type of their own, and reported as not active yet."""
