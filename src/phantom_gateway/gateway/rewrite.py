"""A request in the words of another format, for one attempt at an upstream that speaks it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from phantom_gateway.dialects.neutral import Terms, Untranslatable, Written
from phantom_gateway.dialects.translation import rewritten
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
    try:
        written = rewritten((way.caller, way.upstream), fields, deployment.defaults, terms)
    except Untranslatable as error:
        raise invalid_request(error.message, error.param) from error
    written.dropped = list(dict.fromkeys([*without, *written.dropped]))
    return written
