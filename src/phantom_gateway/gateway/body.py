"""The request body: decoded once at its top level, everything we do not act on kept as the bytes the caller sent.

Every body that goes on is what this module read, re-joined from the same pieces: guard, accounting and provider can never
see different values for a repeated key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.dialects.gemini.bounds import CONFIG, read_bounds
from phantom_gateway.dialects.gemini.spelling import camel
from phantom_gateway.gateway.errors import invalid_request
from phantom_gateway.gateway.json_object import decoded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from phantom_gateway.dialects.operations import Operation
    from phantom_gateway.gateway.errors import ApiError
    from phantom_gateway.gateway.order import Order

FORBIDDEN = frozenset(
    {
        "api_base", "base_url", "api_key", "api_version", "user_config", "model_list", "extra_headers", "custom_llm_provider",
        "litellm_credential_name", "organization", "azure_ad_token", "client_id", "client_secret", "tenant_id",
        "aws_access_key_id", "aws_secret_access_key", "aws_session_token", "aws_region_name", "aws_role_name",
        "aws_session_name", "aws_profile_name", "aws_web_identity_token", "aws_bedrock_runtime_endpoint", "aws_sts_endpoint",
        "vertex_credentials", "vertex_project", "vertex_location", "vertex_ai_credentials", "proxy", "proxies", "http_client",
        "mock_response", "mock_tool_calls", "mock_timeout", "input_cost_per_token", "output_cost_per_token", "router_settings",
    }
)  # fmt: skip
"""Fields that would name a destination, a credential or a price: never taken from a body."""

CONSUMED = frozenset(
    {"num_retries", "timeout", "request_timeout", "litellm_session_id", "litellm_trace_id", "litellm_metadata", "cache",
     "disable_fallbacks", "no-log", "tags", "guardrails", "stream_timeout", "fallbacks", "context_window_fallbacks",
     "content_policy_fallbacks", "mock_testing_fallbacks", "mock_testing_context_fallbacks",
     "mock_testing_content_policy_fallbacks", "priority"}
)  # fmt: skip
"""LiteLLM's own fields: meant for the gateway, not for the provider."""

CONTAINERS = frozenset({"extra_body", "litellm_params"})
"""Fields whose own fields an upstream that speaks LiteLLM's language takes for fields of the request."""

_SUSPECT = FORBIDDEN | CONTAINERS
_ACTED_ON = FORBIDDEN | CONSUMED | CONTAINERS | {"model", "stream", "stream_options", "n", "best_of", "metadata"}

UNREAD = frozenset({"user", "metadata", "store", "service_tier", "safety_identifier", "prompt_cache_key"}) | CONSUMED
"""Fields that no model reads, whatever is in them: they cost no tokens."""

MAX_MODEL = 256
"""Characters of a model name: it is echoed in errors and headers and kept in the ledger."""

_encoder = msgspec.json.Encoder()
_string = msgspec.json.Decoder(str)
_boolean = msgspec.json.Decoder(bool | None)
_integer = msgspec.json.Decoder(int | None)
_items = msgspec.json.Decoder(list[str | list[Any]])
_tokens = msgspec.json.Decoder(list[int])
_EMPTY = msgspec.Raw()


EXPECTED_OUTPUT = 256
"""Output tokens assumed for token limits and for the estimate of a request whose end nobody saw, when it set no bound."""


class StreamOptions(msgspec.Struct):
    """The part of ``stream_options`` that we act on."""

    include_usage: bool | None = None


_stream_options = msgspec.json.Decoder(StreamOptions | None)
_anything = msgspec.json.Decoder(Any)


class Call:
    """A parsed request: the named fields we act on, and all fields verbatim."""

    __slots__ = (
        "choices",
        "expected_output",
        "fields",
        "model",
        "order",
        "output_limit",
        "shows_usage",
        "size",
        "stream",
        "wants_usage",
    )

    def __init__(self, fields: dict[str, msgspec.Raw], size: int) -> None:
        self.fields = fields
        # Here and not in a function of its own: it would be one more call for each request.
        if not UNREAD.isdisjoint(fields):
            for name in UNREAD & fields.keys():
                size -= len(memoryview(fields[name]))
        self.size = size
        """Bytes of what a model may read; no tokenizer makes more tokens of it."""
        self.model = ""
        self.order: Order | None = None
        """What is asked for beside text."""
        self.stream = False
        self.wants_usage = False
        """The caller asked for usage at the end of the stream."""
        self.shows_usage = False
        """Everybody gets it (``always_include_stream_usage``)."""
        self.output_limit: int | None = None
        """Output tokens of one choice at most, as far as the caller bounds them."""
        self.choices = 1
        """How many answers are produced: ``n`` or ``best_of``, for each of several prompts."""
        self.expected_output = EXPECTED_OUTPUT
        """Output tokens assumed where nobody knows them, over all choices; at most what the caller allows."""

    @property
    def content_type(self) -> bytes:
        """Of what ``render`` gives."""
        return b"application/json"

    def field(self, name: str) -> Any:
        """A field decoded, or None when it is absent. Raises ApiError when it is not JSON after all."""
        raw = self.fields.get(name)
        if raw is None:
            return None
        try:
            return _anything.decode(raw)
        except (msgspec.MsgspecError, RecursionError) as error:
            raise invalid_request(f"The field '{name}' cannot be read.", name) from error

    def plain(self, without: frozenset[str]) -> tuple[dict[str, Any], list[str]]:
        """All fields decoded, without those meant for the gateway and those in ``without``, which are named. Raises ApiError."""
        dropped = sorted(without & self.fields.keys())
        kept = {name: self.field(name) for name in self.fields if name not in CONSUMED and name not in without}
        metadata = kept.get("metadata")
        if isinstance(metadata, dict) and isinstance(metadata.get("tags"), list):
            kept["metadata"] = {name: value for name, value in metadata.items() if name != "tags"}
        return kept, dropped

    def render(
        self, model: str, defaults: Mapping[str, bytes], ask_usage: bool, without: frozenset[str] = frozenset()
    ) -> bytes:
        """The body for one upstream: its model name, its defaults where the caller was silent, usage asked for."""
        fields: dict[str, Any] = dict(self.fields)
        if without:
            for name in without:
                fields.pop(name, None)
        if not CONSUMED.isdisjoint(fields):
            for name in CONSUMED & fields.keys():
                del fields[name]
        if "metadata" in fields and b'"tags"' in bytes(fields["metadata"]):
            _without_tags(fields)
        fields["model"] = model
        for name, value in defaults.items():
            if name not in fields:
                fields[name] = msgspec.Raw(value)
        if ask_usage and self.stream and not self.wants_usage:
            options = self.field("stream_options")
            fields["stream_options"] = (options if isinstance(options, dict) else {}) | {"include_usage": True}
        return _encoder.encode(fields)


def _without_tags(fields: dict[str, Any]) -> None:
    """``metadata.tags`` is LiteLLM's: OpenAI's metadata has texts only and refuses a list."""
    metadata = _anything.decode(fields["metadata"])
    if isinstance(metadata, dict) and isinstance(metadata.get("tags"), list):
        del metadata["tags"]
        if metadata:
            fields["metadata"] = metadata
        else:
            del fields["metadata"]


def parse(body: bytes, operation: Operation, path_model: str) -> Call:
    """Read a request body. Raises ApiError 400 naming what is wrong, never quoting the body."""
    fields = decoded(body)
    if not _SUSPECT.isdisjoint(fields) or not "".join(fields).islower():
        _judge(fields, operation)
    call = Call(fields, len(body))
    name = "model"
    try:
        if operation.configured:
            _configure(call, operation)
        if "model" in fields:
            call.model = _string.decode(fields["model"])
        if not call.model:
            call.model = path_model or ("" if operation.media is None else operation.media.model)
        if operation.streams and "stream" in fields:
            name = "stream"
            call.stream = _boolean.decode(fields["stream"]) is True
            if call.stream and "stream_options" in fields:
                name = "stream_options"
                options = _stream_options.decode(fields["stream_options"])
                call.wants_usage = options is not None and options.include_usage is True
        for name in operation.output_fields:
            # an upstream may know only one of them: the larger counts
            if name in fields and (limit := _integer.decode(fields[name])) is not None:
                call.output_limit = max(call.output_limit or 0, _bounded(limit, name))
        for name in ("n", "best_of"):
            if name in fields:
                call.choices = max(call.choices, _bounded(_integer.decode(fields[name]) or 1, name))
        name = operation.input_field
        if name == "prompt" and bytes(fields.get(name, _EMPTY)).startswith(b"["):
            call.choices *= _prompts(fields[name])
        limit = call.output_limit
        call.expected_output = (EXPECTED_OUTPUT if limit is None or limit > EXPECTED_OUTPUT else limit) * call.choices
    except msgspec.MsgspecError as error:
        raise invalid_request(f"The field '{name}' has the wrong type: {error}", name) from error
    if not 0 < len(call.model) <= MAX_MODEL:
        raise invalid_request(
            f"The field 'model' is longer than {MAX_MODEL} characters."
            if call.model
            else "The field 'model' is missing. Call `/v1/models` to see which models this key can use.",
            "model",
        )
    return call


def _judge(fields: Mapping[str, msgspec.Raw], operation: Operation) -> None:
    """Refuse fields that are never taken from a body, and those that somebody else might take for one of ours.

    ``Model`` is no ``model`` to us, but is to servers that match names without regard to case, as Go's encoding/json does.
    """
    for name in sorted(fields):
        lower = name.lower()
        if name in FORBIDDEN:
            raise _forbidden(name)
        if name in CONTAINERS:
            _refuse_inside(name, fields[name])
        elif name != lower and (
            lower in _ACTED_ON or lower in operation.output_fields or lower == operation.input_field
        ):
            raise invalid_request(f"The field '{lower}' must be written in lower case.", lower)


def _refuse_inside(name: str, raw: msgspec.Raw) -> None:
    """What is forbidden in a request is forbidden in what an upstream may unpack into one."""
    try:
        found: object = _anything.decode(raw)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise invalid_request(f"The field '{name}' cannot be read.", name) from error
    while isinstance(found, dict):
        for each in found:
            if each.lower() in FORBIDDEN:
                raise _forbidden(f"{name}.{each}")
        found = found.get("extra_body")


def _forbidden(name: str) -> ApiError:
    return invalid_request(
        f"The field '{name}' is not accepted in a request: it is fixed by the gateway's configuration.", name
    )


def _prompts(raw: msgspec.Raw) -> int:
    """How many prompts a list is: each text or list of tokens is one, a list of tokens is one as a whole."""
    if bytes(memoryview(raw)[:64])[1:].lstrip()[:1] in b"-0123456789]":
        _tokens.decode(raw)
        return 1
    return len(_items.decode(raw))


def _configure(call: Call, operation: Operation) -> None:
    """What Google's API says inside of ``generationConfig`` and by its path."""
    fields = call.fields
    fields.pop("model", None)  # the path names it
    call.stream = operation.streamed
    if len({camel(name) for name in fields}) < len(fields):
        raise invalid_request("The request body has a field twice, in two spellings.", "request_body")
    name = next((each for each in CONFIG if each in fields), "")
    if name and operation.output_fields:
        try:
            bounds = read_bounds(fields[name])
        except (msgspec.MsgspecError, RecursionError) as error:
            raise invalid_request(f"The field '{name}' has the wrong type: {error}", name) from error
        call.output_limit = None if bounds.output is None else _bounded(bounds.output, name)
        call.choices = _bounded(bounds.choices, name)


def _bounded(value: int, name: str) -> int:
    if not 0 <= value <= 1 << 32:
        raise invalid_request(f"The field '{name}' is out of range.", name)
    return value
