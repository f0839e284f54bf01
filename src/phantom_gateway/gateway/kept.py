"""Responses that upstreams keep: a request that goes on with one, or asks for one, goes to the deployment that has it.

The ids callers see are made here (``security.response_ids``): they are bound to the key that got them. Of the models whose
provider has no such API nothing is kept, by anybody.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from phantom_gateway.gateway.body import Call
from phantom_gateway.gateway.errors import ApiError, invalid_request
from phantom_gateway.security.response_ids import Kept

if TYPE_CHECKING:
    from collections.abc import Mapping

    from phantom_gateway.dialects.responses.tap import Names
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Table, Target
    from phantom_gateway.gateway.ways import Way

PREVIOUS = "previous_response_id"
UNMETERED: Mapping[str, str] = {
    "conversation": "Conversations are kept at the provider for all who share its account.",
    "background": "What a response costs that is made in the background cannot be known when it is asked for.",
}
_QUERY = re.compile(rb"[A-Za-z0-9_.&=%\[\]-]*")
"""Parameters of lists of input items: names, numbers and ids."""
_STREAMED = re.compile(rb"(?:^|&)stream=(?!false)", re.IGNORECASE)
_encode = msgspec.json.Encoder().encode


def prepare(exchange: Exchange, table: Table) -> None:
    """What a request of the Responses API goes on with. Raises ApiError 400 for what is refused, and for a foreign id."""
    call = exchange.call
    for name, why in UNMETERED.items():
        if call.field(name):
            raise invalid_request(f"'{name}' is not supported here: {why}", name)
    given = call.field(PREVIOUS)
    if given is None:
        return
    kept = (
        table.response_ids.read(exchange.principal.owner, given) if table.response_ids and type(given) is str else None
    )
    if kept is None:
        raise unknown()
    exchange.kept, exchange.previous = kept, given
    call.fields[PREVIOUS] = msgspec.Raw(_encode(kept.id))


def unknown() -> ApiError:
    """The response to go on with is not there, or not this key's."""
    return ApiError(
        400,
        "invalid_request_error",
        "The previous response was not found: it is not one of this key's, or nothing is kept of it (any more). "
        "Send the conversation as 'input'.",
        param=PREVIOUS,
        code="previous_response_not_found",
    )


def stored(exchange: Exchange, table: Table) -> Call:
    """The call for what is asked of a kept response: it names no model, so that stands in the id. Raises ApiError 404 or 400."""
    given = exchange.path_model
    kept = table.response_ids.read(exchange.principal.owner, given) if table.response_ids else None
    if kept is None:
        raise ApiError(404, "not_found_error", f"Response with id '{given[:64]}' not found.", param="response_id")
    query = exchange.request.query
    if not _QUERY.fullmatch(query):
        raise invalid_request("The query string has characters that no parameter needs.", "query")
    if _STREAMED.search(query):
        raise invalid_request("A kept response is not streamed again: leave out 'stream'.", "stream")
    exchange.kept = kept
    call = Call({}, 0)
    call.model = kept.model
    return call


def gone(exchange: Exchange) -> ApiError:
    """The deployment that had it is not, or no longer, among those that may be asked."""
    if exchange.operation.stored is not None:
        return ApiError(404, "not_found_error", "The deployment that keeps this response is not there any more.")
    message = "The previous response is kept by a deployment that does not serve this model."
    return invalid_request(message, PREVIOUS)


def head_of(exchange: Exchange, way: Way) -> bytes:
    """The request head that asks an upstream for what it keeps."""
    kept, operation = exchange.kept, exchange.operation
    assert kept is not None, "such a request is about something"
    assert operation.stored is not None, "and asks for something of it"
    path, _, fixed = way.place.partition(b"?")
    query = b"&".join([each for each in (fixed, exchange.request.query) if each])
    target = b"%b/%b%b%b" % (path, _segment(kept.id), operation.stored.encode(), b"?" + query if query else b"")
    length = b"content-length: 0\r\n" if operation.method == "POST" else b""
    return b"%b %b %b%b\r\n" % (operation.method.encode(), target, way.prefix, length)


def _segment(name: str) -> bytes:
    return "".join(
        [c if c.isascii() and (c.isalnum() or c in "-._~") else f"%{b:02X}" for c in name for b in c.encode()]
    ).encode()


def names_of(exchange: Exchange, target: Target, way: Way) -> Names:
    """What the caller calls the responses of an attempt."""
    ids, kept = way.ids, exchange.kept
    assert ids is not None, "asked only where ids are made"
    owner = exchange.principal.owner
    if kept is not None and exchange.operation.stored is not None:
        public = exchange.path_model
        return lambda name: public if name == kept.id else ids.made(owner, Kept(target.id, kept.model, name))
    return lambda name: ids.made(owner, Kept(target.id, exchange.call.model, name))
