"""``/utils/*``: what tools ask before they call a model."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Query, Request

from phantom_gateway.control.answers import served as answers
from phantom_gateway.control.answers.health import Explanation
from phantom_gateway.control.checks.probe import model_of, served_by
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.estimates.costs import per_token
from phantom_gateway.control.estimates.explained import explained
from phantom_gateway.control.estimates.fields import ExplainRequest, TokenCount, TransformRequest
from phantom_gateway.control.estimates.priced import deployment_of, find
from phantom_gateway.control.estimates.tokens import TOKENIZER, estimated, of_messages, of_tools
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of
from phantom_gateway.control.keys.references import KeyFinder
from phantom_gateway.control.models_view import api_base
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.dialects.neutral import Terms, Untranslatable
from phantom_gateway.dialects.responses.compose import in_own_words
from phantom_gateway.dialects.translation import FORMATS, rewritten

JsonObject = dict[str, Any]
ModelName = Annotated[str, Query(min_length=1, max_length=255)]

CHAT_PARAMS = (
    "audio", "extra_headers", "frequency_penalty", "function_call", "functions", "logit_bias", "logprobs",
    "max_completion_tokens", "max_retries", "max_tokens", "metadata", "modalities", "n", "parallel_tool_calls",
    "prediction", "presence_penalty", "reasoning_effort", "response_format", "safety_identifier", "seed", "service_tier",
    "stop", "store", "stream", "stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user",
    "verbosity", "web_search_options",
)  # fmt: skip
"""OpenAI's chat parameters (API reference, November 2026). All of them pass to the upstream as they are."""
REFUSED = frozenset({"extra_headers", "max_retries"})
"""Of SDKs, not of the wire; a body that names them is refused."""
EMBEDDING_PARAMS = ("dimensions", "encoding_format", "user")
_CALLS = {"completion": "chat", "acompletion": "chat", "text_completion": "completions", "atext_completion": "completions",
          "embedding": "embeddings", "aembedding": "embeddings", "responses": "responses", "aresponses": "responses"}  # fmt: skip


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["utils"])
    route(routes, "POST", "/utils/token_counter", Action.MODEL_READ, token_counter, answer=answers.Tokens)
    route(
        routes,
        "GET",
        "/utils/supported_openai_params",
        Action.MODEL_READ,
        supported_params,
        answer=answers.SupportedParams,
    )
    route(routes, "GET", "/utils/model_info", Action.MODEL_READ, model_info, answer=answers.ModelLimits)
    route(routes, "POST", "/utils/transform_request", Action.CONFIG_READ, transform_request, answer=answers.RawRequest)
    route(routes, "POST", "/utils/explain", Action.KEY_READ, explain, answer=Explanation)
    return routes


async def explain(request: Request, body: ExplainRequest) -> JsonObject:
    """What would happen to a request of the calling key (or of `key`), and why: its key, limits, budgets, route, cost.

    No upstream is asked and nothing is charged. `stage` is how far the request would come; `call` means that it would be made.
    """
    services = services_of(request)
    finder = KeyFinder(services.hasher, reach_of(request), services.clock())
    return await explained(services, caller_of(request), finder, body)


async def token_counter(
    request: Request,
    body: TokenCount,
    call_endpoint: bool = False,  # noqa: ARG001 # LiteLLM's parameter
) -> JsonObject:
    """Tokens of a request, estimated by size; no provider is asked, whatever `call_endpoint` says."""
    given = [body.prompt is not None, body.messages is not None, body.contents is not None]
    if sum(given) != 1:
        raise bad_field("messages", "give one of prompt, messages and contents")
    total = estimated(body.prompt) if body.prompt is not None else of_messages(body.messages or body.contents or [])
    total += estimated(body.system) + of_tools(body.tools or [])
    found = deployment_of(services_of(request), caller_of(request).key, body.model)
    return {
        "total_tokens": total,
        "request_model": body.model,
        "model_used": body.model if found is None else found.model,
        "tokenizer_type": TOKENIZER,
        "count_source": "local_estimate",
        "original_response": None,
        "error": False,
        "error_message": None,
        "status_code": None,
    }


async def supported_params(request: Request, model: ModelName) -> JsonObject:
    """The OpenAI parameters that may be sent to a model."""
    found = find(services_of(request), caller_of(request).key, model)
    mode = (found.deployment.mode if found.deployment else "") or (found.entry.mode if found.entry else "")
    if mode == "embedding":
        return {"supported_openai_params": list(EMBEDDING_PARAMS)}
    return {"supported_openai_params": [name for name in CHAT_PARAMS if name not in REFUSED]}


async def model_info(request: Request, model: ModelName, custom_llm_provider: str | None = None) -> JsonObject:
    """Limits, prices and abilities of a model, as served here or as the price table lists it."""
    found = find(services_of(request), caller_of(request).key, model, custom_llm_provider)
    deployment, entry = found.deployment, found.entry
    max_input = (deployment.max_input_tokens if deployment else 0) or (entry.max_input_tokens if entry else 0)
    max_output = (deployment.max_output_tokens if deployment else 0) or (entry.max_output_tokens if entry else 0)
    return {
        "key": entry.key if entry else found.model,
        "litellm_provider": found.provider,
        "mode": (deployment.mode if deployment else "") or (entry.mode if entry else "") or None,
        "max_tokens": max_output or None,
        "max_input_tokens": max_input or None,
        "max_output_tokens": max_output or None,
        **per_token(found.prices),
        **{name if name.startswith("supports_") else f"supports_{name}": True for name in sorted(_supports(entry))},
        "price_version": found.prices.version,
    }


async def transform_request(request: Request, body: TransformRequest) -> JsonObject:
    """What would be sent for a request; nothing is. Credentials are not shown."""
    operation = _CALLS.get(body.call_type)
    if operation is None:
        raise bad_field("call_type", f"must be one of {', '.join(_CALLS)}")
    model = body.request_body.get("model")
    if not isinstance(model, str) or not model:
        raise bad_field("request_body.model", "is required")
    found = deployment_of(services_of(request), caller_of(request).key, model)
    served = None if found is None else served_by(found, operation)
    if found is None or served is None:
        raise not_found("No model of this name serves such requests.", "request_body.model")
    upstream = found.model
    if upstream.endswith("*"):
        upstream = found.model[:-1] + (model[len(found.group) - 1 :] if found.group.endswith("*") else model)
    defaults = in_own_words(found.defaults) if served == "responses" else found.defaults
    sent = {**defaults, **body.request_body, "model": upstream}
    if served != operation:
        formats = (FORMATS[operation], FORMATS[served])
        terms = Terms(upstream, found.max_output_tokens, traits=frozenset(found.traits), drop=found.drop_params)
        try:
            sent = rewritten(formats, body.request_body, found.defaults, terms).body
        except Untranslatable as error:
            raise bad_field(f"request_body.{error.param or ''}".rstrip("."), error.message) from error
    path = found.paths[served].replace("{model}", upstream or model_of(found))
    headers: JsonObject = {"content-type": "application/json", **dict(found.headers)}
    headers |= dict.fromkeys([name for name, _ in found.secret_headers], "********")
    if found.api_key:
        headers[found.auth_header] = f"{found.auth_prefix}********"
    return {
        "raw_request_api_base": f"{api_base(found)}{path}",
        "raw_request_body": msgspec.json.decode(msgspec.json.encode(sent)),
        "raw_request_headers": headers,
        "error": None,
    }


def _supports(entry: Any) -> frozenset[str]:
    return frozenset() if entry is None else entry.supports
