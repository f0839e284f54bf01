"""A request in the words of another format, for one attempt at an upstream that speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phantom_gateway.dialects.gemini.bounds import CONFIG
from phantom_gateway.dialects.gemini.spelling import camel
from phantom_gateway.dialects.neutral import Terms, Untranslatable, Written
from phantom_gateway.dialects.reading import encode
from phantom_gateway.dialects.translation import CHAT, GENERATE, rewritten
from phantom_gateway.gateway.body import CONSUMED
from phantom_gateway.gateway.errors import invalid_request

if TYPE_CHECKING:
    from phantom_gateway.gateway.body import Call
    from phantom_gateway.gateway.table import Target
    from phantom_gateway.gateway.ways import Way


def rewrite(call: Call, target: Target, way: Way, model: str) -> Written:
    """The request for ``model`` at ``target``. Raises ApiError 400 for what cannot be said there, naming the field."""
    assert way.caller is not None, "asked only where there is something to translate"
    assert way.upstream is not None, "asked only where there is something to translate"
    deployment = target.deployment
    priced = target.priced(model)
    terms = Terms(
        model=model,
        output_limit=priced.max_output_tokens,
        ask_usage=deployment.usage_in_stream == "include_usage",
        traits=target.traits.union(priced.traits),
        drop=deployment.drop_params,
    )
    fields, without = call.plain(deployment.without)
    fields.pop("stream", None)
    if call.stream:
        fields["stream"] = True  # also where the path said so
    try:
        written = rewritten((way.caller, way.upstream), fields, deployment.defaults, terms)
    except Untranslatable as error:
        raise invalid_request(error.message, error.param) from error
    written.dropped = list(dict.fromkeys([*without, *written.dropped]))
    return written


def configured(call: Call, target: Target, model: str) -> tuple[bytes, list[str]]:
    """The body of a request that goes on to Google's API as it came, with what the deployment sets, and what was left out.

    Raises ApiError 400 for a ``generationConfig`` that cannot be joined with it.
    """
    deployment = target.deployment
    dropped = sorted(deployment.without & call.fields.keys())
    fields: dict[str, Any] = {
        name: raw for name, raw in call.fields.items() if name not in CONSUMED and name not in deployment.without
    }
    if deployment.defaults:
        _set(fields, call, deployment.defaults, model)
    if COUNTED in fields:
        # it names the model once more
        fields[COUNTED] = (call.field(COUNTED) or {}) | {"model": f"models/{model}"}
    return encode(fields), dropped


COUNTED = "generateContentRequest"
"""In a count of tokens: the request that is meant."""


def _set(fields: dict[str, Any], call: Call, defaults: dict[str, Any], model: str) -> None:
    """Put a deployment's defaults, which are in OpenAI's words, where the caller was silent."""
    silent = rewritten((CHAT, GENERATE), {"messages": []}, defaults, Terms(model)).body
    spelled = next((name for name in CONFIG if name in fields), CONFIG[0])
    config = call.field(spelled) if spelled in fields else {}
    own = silent.pop(CONFIG[0], {})
    if own and isinstance(config, dict):
        said = {camel(name) for name in config}
        fields[spelled] = {**{name: value for name, value in own.items() if name not in said}, **config}
    silent.pop("contents", None)
    said = {camel(name) for name in fields}
    fields.update({name: value for name, value in silent.items() if name not in said})
