"""The calls of the SDK: what a request of a worker becomes, and what of it must not become one.

The deployment (provider, parameters, credentials) comes with every request in a header that only workers write. The body is the
caller's: of it goes on what a provider may read, nothing that the SDK would take for itself.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import re
import sys
from typing import Any, NamedTuple

from phantom_gateway.bridge.inside import answers, failures
from phantom_gateway.bridge.inside.answers import Streamed, Whole
from phantom_gateway.bridge.inside.failures import Refused
from phantom_gateway.bridge.inside.http import Request

HEADER = "x-phantom-bridge"
DROPPED = "x-phantom-dropped-params"
FUNCTIONS = {
    "chat": "acompletion",
    "completions": "atext_completion",
    "embeddings": "aembedding",
    "moderations": "amoderation",
    "images": "aimage_generation",
    "image_edits": "aimage_edit",
    "image_variations": "aimage_variation",
    "speech": "aspeech",
    "transcriptions": "atranscription",
    "rerank": "arerank",
}
WARM = (
    "litellm._service_logger", "litellm.litellm_core_utils.default_encoding", "litellm.proxy._types",
    "litellm.types.integrations.prometheus", "litellm.llms.vertex_ai.vertex_ai_partner_models.anthropic.transformation",
    "litellm.proxy.openai_files_endpoints.common_utils",
)  # fmt: skip
"""What 1.106.2 loads with the first call, which takes half a second: loaded once, before children are forked."""
CALLBACKS = (
    "callbacks", "input_callback", "success_callback", "failure_callback", "_async_success_callback", "_async_failure_callback",
)  # fmt: skip
FOREVER_S = 86400.0
"""The worker is the one who loses patience, and leaves."""
_RESERVED = re.compile(
    r"^_|^(?:aws|vertex|azure|watsonx|oci|sap|gcs|s3|bedrock|sagemaker|litellm|langfuse|langsmith|mock|api|base|proxy)_"
    r"|_(?:api_key|secret|secret_key|access_key|credentials?|endpoint|base_url|auth|headers|callbacks?|password)$"
    r"|^(?:client|headers|extra_headers|extra_query|extra_body|logger_fn|model_list|fallbacks|callbacks|token|project_id|space_id|"
    r"zen_api_key|ssl_verify|shared_session|deployment_id|azure|caching|cache|acompletion|atext_completion|aembedding|roles|"
    r"initial_prompt_value|final_prompt_value|bos_token|eos_token|hf_model_name|custom_prompt_dict|preset_cache_key|model_info|"
    r"proxy_server_request|drop_params|additional_drop_params|modify_params|num_retries|max_retries|timeout|force_timeout|"
    r"organization)$"
)
"""What an SDK would take for itself: addresses, credentials, its own behaviour."""
_OPENAI = frozenset({"model", "messages", "stream", "stream_options", "metadata", "user", "store", "service_tier",
    "prompt_cache_key", "safety_identifier", "seed", "n", "stop", "tools", "tool_choice", "temperature", "top_p", "input", "prompt",
    "allowed_openai_params"})  # fmt: skip
"""Never the SDK's own, whatever its lists say."""
_KEPT_BACK = frozenset({"metadata", "store", "prompt_cache_key", "safety_identifier"})
"""OpenAI's parameters that are about keeping and billing there; the SDK takes some for its own logs."""
_NUMBERS = frozenset({"temperature", "n"})
"""Fields of forms that are numbers; in a form all are texts."""
_HANDLED = frozenset({"model", "messages", "stream", "stream_options", "user", "input", "prompt"})


class Deployment(NamedTuple):
    """What the worker says of whom to ask."""

    slot: str
    provider: str
    params: dict[str, Any]
    environment: dict[str, str]
    secrets: list[str]
    drop: bool
    modify: bool
    without: list[str]
    named: bool
    """Whether the configuration names the model, not the caller."""


def prepare() -> str:
    """Load the SDK and switch off what it would do beside calling providers; its version."""
    litellm: Any = importlib.import_module("litellm")
    metadata: Any = importlib.import_module("importlib.metadata")
    for name, value in {
        "telemetry": False, "suppress_debug_info": True, "set_verbose": False, "turn_off_message_logging": True, "cache": None,
        "num_retries": 0, "drop_params": False, "modify_params": False, "disable_add_transform_inline_image_block": False,
    }.items():  # fmt: skip
        setattr(litellm, name, value)
    for name in CALLBACKS:
        setattr(litellm, name, [])
    for name in (*FUNCTIONS.values(), "get_supported_openai_params"):
        getattr(litellm, name, None)  # some are loaded when first asked for
    for name in WARM:
        with contextlib.suppress(ImportError):  # another release may have other modules; then the first call loads them
            importlib.import_module(name)
    try:
        return str(metadata.version("litellm"))
    except metadata.PackageNotFoundError:
        return "unknown"


async def perform(request: Request, slot: str) -> Whole | Streamed:
    """Answer a request; whatever goes wrong is an answer, too."""
    conceal = failures.concealer([])
    try:
        deployment = _deployment(request, slot)
        conceal = failures.concealer(deployment.secrets)
        return await _call(request.path.rsplit("/", 1)[-1], deployment, request, conceal)
    except Exception as error:  # noqa: BLE001 - a stranger's code: whatever it raises is told, and the child goes on
        status, body, headers = failures.told(error, conceal)
        return Whole(status, body, headers)


async def _call(
    operation: str, deployment: Deployment, request: Request, conceal: failures.Concealer
) -> Whole | Streamed:
    if operation not in FUNCTIONS:
        raise Refused("The bridge has no such operation.", status=404)
    litellm: Any = importlib.import_module("litellm")
    fields = _fields(request)
    model = str(fields.pop("model", ""))
    if "://" in model and not deployment.named:
        raise Refused("The name of the model must not be an address.", "model")  # some providers would be asked there
    dropped = _kept_back(fields)
    _check(fields, deployment)
    streams = operation in ("chat", "completions") and fields.get("stream") is True
    if not streams:
        fields.pop("stream", None)
        fields.pop("stream_options", None)
    if deployment.drop and operation == "chat":
        dropped += _unsupported(litellm, model, deployment.provider, fields)
    elif operation == "embeddings" and not _encodes(litellm, model, deployment.provider):
        # OpenAI's SDKs set it unasked, and take numbers, too
        dropped += [name for name in ("encoding_format",) if fields.pop(name, None) is not None]
    litellm.modify_params = deployment.modify
    # This process serves one credential: what the SDK looks for in the environment is the same for all its calls.
    os.environ.update(deployment.environment)
    wanted = {
        **fields, **deployment.params, "model": f"{deployment.provider}/{model}", "timeout": FOREVER_S, "num_retries": 0,
        "max_retries": 0, "no-log": True, "drop_params": deployment.drop,
    }  # fmt: skip
    if operation == "chat":
        wanted["_skip_mcp_handler"] = True  # tools are the caller's; 1.106.2 would load a package it does not bring
    if deployment.without:
        wanted["additional_drop_params"] = deployment.without
    result = await getattr(litellm, FUNCTIONS[operation])(**wanted)
    headers = [(DROPPED, ",".join(dropped))] if dropped else []
    if streams:
        return await answers.streamed(result, headers, conceal)
    return answers.whole(operation, result, headers)


def _deployment(request: Request, slot: str) -> Deployment:
    try:
        said = json.loads(base64.b64decode(request.headers[HEADER], validate=True))
        deployment = Deployment(
            slot=str(said["slot"]),
            provider=str(said["provider"]),
            params=dict(said["params"]),
            environment=dict(said["environment"]),
            secrets=list(said["secrets"]),
            drop=bool(said["drop"]),
            modify=bool(said["modify"]),
            without=list(said["without"]),
            named=bool(said["named"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("The request names no deployment.", status=421) from error
    if deployment.slot != slot:
        # each process serves one credential, and never learns of another
        raise Refused("The request is for another process of the bridge.", status=421)
    return deployment


def _fields(request: Request) -> dict[str, Any]:
    kind = request.headers.get("content-type", "")
    if kind.startswith("multipart/form-data"):
        return _form(request.body, kind)
    fields = json.loads(request.body)
    if not isinstance(fields, dict):
        raise Refused("The body must be a JSON object.")
    return fields


def _form(body: bytes, kind: str) -> dict[str, Any]:
    """A form as the gateway writes it, which has read it strictly before."""
    boundary = kind.partition("boundary=")[2].strip('"').encode("latin-1")
    fields: dict[str, Any] = {}
    for part in re.split(b"\r\n--" + re.escape(boundary) + b"(?=\r\n|--)", b"\r\n" + body)[1:-1]:
        head, _, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        text = head.decode("utf-8", "replace")
        name = re.search(r'[; ]name="?([^";\r\n]+)', text)
        file = re.search(r'filename="?([^";\r\n]*)', text)
        if name is None:
            continue
        mime = re.search(r"content-type: *([^\r\n]+)", text, re.IGNORECASE)
        value: Any = (
            (file[1] or "file", content, mime[1] if mime else "application/octet-stream") if file else content.decode()
        )
        key = name[1].removesuffix("[]")
        if key in _NUMBERS and isinstance(value, str):
            value = json.loads(value)
        if name[1].endswith("[]") or (file and key in fields):
            before = fields.get(key, [])
            fields[key] = [*(before if isinstance(before, list) else [before]), value]
        else:
            fields[key] = value
    return fields


def _kept_back(fields: dict[str, Any]) -> list[str]:
    found = sorted(_KEPT_BACK & fields.keys())
    for name in found:
        del fields[name]
    return found


def _check(fields: dict[str, Any], deployment: Deployment) -> None:
    own = frozenset(getattr(sys.modules.get("litellm.types.utils"), "all_litellm_params", ()))
    for name in fields.keys() - _OPENAI:
        if _RESERVED.search(name) or name in own or name in deployment.params:
            message = f"The field '{name}' is not accepted in a request: it is fixed by the gateway's configuration."
            raise Refused(message, name)


def _encodes(litellm: Any, model: str, provider: str) -> bool:
    names = litellm.get_supported_openai_params(model=model, custom_llm_provider=provider, request_type="embeddings")
    return names is None or "encoding_format" in names


def _unsupported(litellm: Any, model: str, provider: str, fields: dict[str, Any]) -> list[str]:
    """The caller's parameters that the SDK is going to leave out."""
    supported = litellm.get_supported_openai_params(model=model, custom_llm_provider=provider)
    if supported is None:
        return []
    known = set(getattr(litellm, "OPENAI_CHAT_COMPLETION_PARAMS", ()) or ())
    return sorted(name for name in fields if name in known and name not in supported and name not in _HANDLED)
