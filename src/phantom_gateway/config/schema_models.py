"""``model_list``: public model names and the deployments behind them."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from phantom_gateway.config.credentials import conceal
from phantom_gateway.config.schema_base import (
    Active,
    Count,
    Dollars,
    Free,
    FreeDict,
    FreeList,
    Later,
    Money,
    Name,
    Names,
    Number,
    OpenSection,
    Positive,
    Seconds,
    SecretText,
    Section,
    Text,
    WindowText,
)
from phantom_gateway.config.secret import Secret


def _limit(value: Any) -> Any:
    """Zero means "none" where a limit of zero would make the deployment useless."""
    return None if value == 0 and not isinstance(value, bool) else value


def _flag(value: Any) -> Any:
    if isinstance(value, list):
        raise PydanticCustomError(
            "config", "must be true or false: names of parameters that are not sent are `additional_drop_params`"
        )
    return value


def _all_secret(values: Any) -> Any:
    return conceal(values, below=True)


Limit = Annotated[Positive | None, BeforeValidator(_limit)]
_TOKENS = "US dollars per token"


class Costs(OpenSection):
    """Prices in US dollars, the same keys in ``litellm_params`` and ``model_info``; they win over the price table."""

    input_cost_per_token: Annotated[Dollars | None, Active(f"Price of input, {_TOKENS}.")] = None
    output_cost_per_token: Annotated[Dollars | None, Active(f"Price of output, {_TOKENS}.")] = None
    cache_read_input_token_cost: Annotated[
        Dollars | None, Active(f"Price of input read from the provider's cache, {_TOKENS}.")
    ] = None
    cache_creation_input_token_cost: Annotated[
        Dollars | None, Active(f"Price of input written to the provider's 5-minute cache, {_TOKENS}.")
    ] = None
    cache_creation_input_token_cost_above_1hr: Annotated[
        Dollars | None, Active(f"Price of input written to the provider's 1-hour cache, {_TOKENS}.")
    ] = None
    output_cost_per_reasoning_token: Annotated[
        Dollars | None, Active(f"Price of reasoning, {_TOKENS}; else as output.")
    ] = None
    input_cost_per_audio_token: Annotated[
        Dollars | None, Active(f"Price of audio input, {_TOKENS}; else as input.")
    ] = None
    output_cost_per_audio_token: Annotated[
        Dollars | None, Active(f"Price of audio output, {_TOKENS}; else as output.")
    ] = None
    output_cost_per_image: Annotated[Dollars | None, Active("Price of one generated image, US dollars.")] = None
    input_cost_per_image: Annotated[Dollars | None, Active("Another name of `output_cost_per_image`, which wins.")] = (
        None
    )
    input_cost_per_image_token: Annotated[
        Dollars | None, Active(f"Price of images that are sent along, {_TOKENS}; else as input.")
    ] = None
    output_cost_per_image_token: Annotated[
        Dollars | None, Active(f"Price of generated images, {_TOKENS}; else as output.")
    ] = None
    input_cost_per_pixel: Annotated[Dollars | None, Active("Price of a pixel of a generated image, US dollars.")] = None
    output_cost_per_pixel: Annotated[Dollars | None, Active("Another name of `input_cost_per_pixel`; it wins.")] = None
    input_cost_per_character: Annotated[Dollars | None, Active("Price of a character that is spoken, US dollars.")] = (
        None
    )
    input_cost_per_query: Annotated[
        Dollars | None,
        Active("Price of one request, or of each search unit of a ranking, US dollars, added to its tokens."),
    ] = None
    input_cost_per_token_above_128k_tokens: Annotated[
        Dollars | None, Active("The same for input when the whole input has more than 128,000 tokens.")
    ] = None
    output_cost_per_token_above_128k_tokens: Annotated[
        Dollars | None, Active("The same for output when the whole input has more than 128,000 tokens.")
    ] = None
    cache_read_input_token_cost_above_128k_tokens: Annotated[
        Dollars | None,
        Active(
            f"Price of input read from the provider's cache when the whole input has more than 128,000 tokens, {_TOKENS}."
        ),
    ] = None
    cache_creation_input_token_cost_above_128k_tokens: Annotated[
        Dollars | None,
        Active(
            f"Price of input written to the provider's 5-minute cache when the whole input has more than 128,000 tokens, {_TOKENS}."
        ),
    ] = None
    input_cost_per_token_above_200k_tokens: Annotated[
        Dollars | None, Active("The same for input when the whole input has more than 200,000 tokens.")
    ] = None
    output_cost_per_token_above_200k_tokens: Annotated[
        Dollars | None, Active("The same for output when the whole input has more than 200,000 tokens.")
    ] = None
    cache_read_input_token_cost_above_200k_tokens: Annotated[
        Dollars | None,
        Active(
            f"Price of input read from the provider's cache when the whole input has more than 200,000 tokens, {_TOKENS}."
        ),
    ] = None
    cache_creation_input_token_cost_above_200k_tokens: Annotated[
        Dollars | None,
        Active(
            f"Price of input written to the provider's 5-minute cache when the whole input has more than 200,000 tokens, {_TOKENS}."
        ),
    ] = None
    input_cost_per_token_above_272k_tokens: Annotated[
        Dollars | None, Active("The same for input when the whole input has more than 272,000 tokens.")
    ] = None
    output_cost_per_token_above_272k_tokens: Annotated[
        Dollars | None, Active("The same for output when the whole input has more than 272,000 tokens.")
    ] = None
    cache_read_input_token_cost_above_272k_tokens: Annotated[
        Dollars | None,
        Active(
            f"Price of input read from the provider's cache when the whole input has more than 272,000 tokens, {_TOKENS}."
        ),
    ] = None
    cache_creation_input_token_cost_above_272k_tokens: Annotated[
        Dollars | None,
        Active(
            f"Price of input written to the provider's 5-minute cache when the whole input has more than 272,000 tokens, {_TOKENS}."
        ),
    ] = None
    input_cost_per_second: Annotated[
        Dollars | None, Active("Price of a second of a recording or of speech, US dollars; a price of 0 is none.")
    ] = None
    output_cost_per_second: Annotated[
        Dollars | None, Active("Another name of `input_cost_per_second`; where both are above 0, this one holds.")
    ] = None
    tiered_pricing: Annotated[Free, Later("Prices by size of the input.")] = None


class LitellmParams(Costs):
    """How a deployment is reached. A key not listed here is a provider parameter (``temperature``, ``max_tokens``) and becomes
    the default of every request that does not set it."""

    model: Annotated[
        Name, Active("`provider/name`, e.g. `openai/gpt-4o`; `openai/*` takes over what the caller's wildcard matched.")
    ]
    api_key: Annotated[
        SecretText | None, Active("The provider's key; usually `os.environ/NAME`. Else the provider's usual variable.")
    ] = None
    api_base: Annotated[
        Text | None,
        Active(
            "Address of the provider, `https://` or as written `http://`. An IP address, `localhost` or a host name given here may "
            "be private (RFC 1918, ULA); link-local and metadata addresses never are reached."
        ),
    ] = None
    base_url: Annotated[Text | None, Active("Another name of `api_base`.")] = None
    api_version: Annotated[
        Text | None, Active("Azure: the API version; `v1` or `preview` selects the `/openai/v1` paths.")
    ] = None
    organization: Annotated[Text | None, Active("OpenAI organisation, sent as `OpenAI-Organization`.")] = None
    custom_llm_provider: Annotated[Name | None, Active("The provider, where `model` does not begin with it.")] = None
    extra_headers: Annotated[FreeDict | None, Active("Request headers added to every call of this deployment.")] = None
    ssl_verify: Annotated[
        bool | Text | None, Active("`false`: accept any certificate; a path: trust this CA file only.")
    ] = None
    rpm: Annotated[
        Limit,
        Active(
            "Requests per minute of this deployment: its share in shuffling, what `priority_reservation` divides, and a limit "
            "where `router_settings` say so (`optional_pre_call_checks: [enforce_model_rate_limits]`, or a usage-based "
            "`routing_strategy`)."
        ),
    ] = None
    tpm: Annotated[Limit, Active("Tokens per minute of this deployment; as `rpm`.")] = None
    weight: Annotated[Number | None, Active("Share in shuffling among the deployments of one name.")] = None
    order: Annotated[Count | None, Active("Priority tier: lower numbers are used first.")] = None
    max_parallel_requests: Annotated[
        Limit, Active("Requests in flight at once to this deployment, over all workers; when it is full, others serve.")
    ] = None
    timeout: Annotated[Seconds | None, Active("Seconds until a call is given up.")] = None
    stream_timeout: Annotated[Seconds | None, Active("Seconds until the first byte of a stream.")] = None
    max_retries: Annotated[Count | None, Active("Retries on this deployment's group, instead of `num_retries`.")] = None
    num_retries: Annotated[Count | None, Active("Another name of `max_retries`.")] = None
    mock_response: Annotated[Text | None, Active("Answer this text without calling anybody.")] = None
    litellm_credential_name: Annotated[
        Name | None, Active("Take missing values from this entry of `credential_list`.")
    ] = None
    tags: Annotated[
        Names | None,
        Active(
            "Requests this deployment serves under `router_settings.enable_tag_filtering`; `default`: those without a match."
        ),
    ] = None
    drop_params: Annotated[
        bool | None,
        BeforeValidator(_flag),
        Active(
            "Leave out parameters that the provider's API does not have and that change the answer, rather than refusing."
        ),
    ] = None
    additional_drop_params: Annotated[Names | None, Active("Parameters (top-level fields) that are never sent.")] = None
    use_chat_completions_api: Annotated[
        bool | None,
        Active(
            "Serve the Responses API by chat completions, for servers like OpenAI's that do not have it (or not whole)."
        ),
    ] = None
    cooldown_time: Annotated[Seconds | None, Active("Seconds this deployment rests after failures.")] = None
    configurable_clientside_auth_params: Annotated[
        FreeList | None, Later("Refused by design: a request never names a destination.")
    ] = None
    max_budget: Annotated[
        Money | None, Active("Budget of this deployment, US dollars; when it is spent, others serve.")
    ] = None
    budget_duration: Annotated[WindowText | None, Active("Window of `max_budget`; without it, it never resets.")] = None
    use_in_pass_through: Annotated[
        bool | None,
        Active("Pass requests to this provider's path (`/openai/...`) on with this deployment's address and key."),
    ] = None
    merge_reasoning_content_in_choices: Annotated[bool | None, Later("Put reasoning into the content.")] = None
    cache_control_injection_points: Annotated[FreeList | None, Later("Where to set cache breakpoints.")] = None
    region_name: Annotated[Text | None, Later("Region, for region routing.")] = None
    azure_ad_token: Annotated[
        SecretText | None, Active("Token of Entra ID for `azure/...` instead of `api_key`; it is not renewed.")
    ] = None
    tenant_id: Annotated[
        Text | None,
        Active("Tenant of Entra ID; with `client_id` and `client_secret` of `azure/...`: tokens are had and renewed."),
    ] = None
    client_id: Annotated[Text | None, Active("Application of Entra ID.")] = None
    client_secret: Annotated[SecretText | None, Active("Its secret.")] = None
    azure_scope: Annotated[
        Text | None,
        Active("What its tokens are for; default `https://cognitiveservices.azure.com/.default`."),
    ] = None
    aws_access_key_id: Annotated[SecretText | None, Active("AWS access key id (bridge).")] = None
    aws_secret_access_key: Annotated[SecretText | None, Active("AWS secret access key (bridge).")] = None
    aws_session_token: Annotated[SecretText | None, Active("AWS session token (bridge).")] = None
    aws_region_name: Annotated[Text | None, Active("AWS region (bridge).")] = None
    aws_role_name: Annotated[Text | None, Active("AWS role to assume (bridge).")] = None
    aws_session_name: Annotated[Text | None, Active("Name of the AWS session (bridge).")] = None
    aws_profile_name: Annotated[Text | None, Later("AWS profile: the bridge reads no files.")] = None
    aws_web_identity_token: Annotated[SecretText | None, Active("AWS web identity token (bridge).")] = None
    aws_bedrock_runtime_endpoint: Annotated[Text | None, Active("Address of Bedrock's runtime (bridge).")] = None
    vertex_project: Annotated[Text | None, Active("Google Cloud project (bridge).")] = None
    vertex_location: Annotated[Text | None, Active("Google Cloud location (bridge).")] = None
    vertex_credentials: Annotated[
        SecretText | FreeDict | None,
        BeforeValidator(conceal),
        Active("Google Cloud credentials: the JSON object, or in the configuration file the path of a file (bridge)."),
    ] = None


class ModelInfo(Costs):
    """Facts about a deployment. Keys not listed here are kept and shown by the discovery routes."""

    id: Annotated[Name | None, Active("Stable id of the deployment; else a digest of its settings.")] = None
    mode: Annotated[
        Name | None, Active("`chat`, `completion`, `embedding`, `rerank`, ...; else from the price table.")
    ] = None
    base_model: Annotated[
        Name | None, Active("Name in the price table, where `model` is a deployment name (Azure).")
    ] = None
    max_tokens: Annotated[Limit, Active("Largest output in tokens, where `max_output_tokens` is not set.")] = None
    max_input_tokens: Annotated[Limit, Active("Largest input in tokens.")] = None
    max_output_tokens: Annotated[
        Limit, Active("Largest output in tokens; bounds the reservation of a request without `max_tokens`.")
    ] = None
    rpm: Annotated[Limit, Active("Another place of `litellm_params.rpm`, which wins.")] = None
    tpm: Annotated[Limit, Active("Another place of `litellm_params.tpm`, which wins.")] = None
    access_groups: Annotated[Names | None, Active("Names by which lists of models may mean this model.")] = None
    team_id: Annotated[
        Name | None,
        Active(
            "Team that owns the deployment: keys of this team use it instead of others of the name, nobody else does."
        ),
    ] = None
    tier: Annotated[Name | None, Later("`free` or `paid`.")] = None
    health_check_model: Annotated[Name | None, Active("Model a health check of a wildcard calls.")] = None
    health_check_timeout: Annotated[Seconds | None, Later("Seconds a health check may take.")] = None
    health_check_max_tokens: Annotated[Positive | None, Later("Tokens a health check asks for.")] = None
    disable_background_health_check: Annotated[
        bool | None, Active("Leave the deployment out of background health checks.")
    ] = None


class ModelEntry(Section):
    """One deployment of one public model name. Entries with the same name share its load."""

    model_name: Annotated[Name, Active("The public name; may end in `*`.")]
    litellm_params: Annotated[LitellmParams, Active("How the deployment is reached.")]
    model_info: Annotated[ModelInfo, Active("Facts about the deployment.")] = Field(default_factory=ModelInfo)
    rpm: Annotated[Limit, Active("Another place of `litellm_params.rpm`; this one wins.")] = None
    tpm: Annotated[Limit, Active("Another place of `litellm_params.tpm`; this one wins.")] = None


class CredentialEntry(Section):
    """A named set of credentials shared by deployments."""

    credential_name: Annotated[Name, Active("The name deployments refer to.")]
    credential_values: Annotated[dict[str, Secret], BeforeValidator(_all_secret), Active("`api_key`, `api_base`, ...")]
    credential_info: Annotated[FreeDict | None, Active("Remarks; kept, not interpreted.")] = None
