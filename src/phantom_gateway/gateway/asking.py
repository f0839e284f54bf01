"""What one attempt asks an upstream, and its answer in the caller's words."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from phantom_gateway.dialects.media import BytesTap
from phantom_gateway.dialects.neutral import Untranslatable
from phantom_gateway.dialects.operations import COMPLETIONS
from phantom_gateway.dialects.reading import encode
from phantom_gateway.dialects.responses.stream import Writer as ResponsesWriter
from phantom_gateway.dialects.responses.tap import ResponsesTap, named
from phantom_gateway.dialects.translation import TranslatingTap
from phantom_gateway.gateway import headers, kept
from phantom_gateway.gateway.errors import invalid_request
from phantom_gateway.gateway.mock import CountedResponse, MockedResponse
from phantom_gateway.gateway.rewrite import configured, rewrite
from phantom_gateway.ledger.usage import estimate
from phantom_gateway.wire.errors import BadResponse

if TYPE_CHECKING:
    from phantom_gateway.dialects.translation import Format
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Target
    from phantom_gateway.gateway.ways import Tap, Way

MAX_EVENT = 8 * 1024 * 1024
_tuple = tuple.__new__
"""Makes a named tuple without the Python call of its own constructor."""
_AS_IT_IS: Mapping[str, str] = MappingProxyType({})
_NOTHING: frozenset[str] = frozenset()


class Question(NamedTuple):
    """One attempt's request: the way it takes, its head and body."""

    way: Way
    head: bytes
    body: bytes
    renamed: Mapping[str, str] = _AS_IT_IS
    """Tools under another name at the upstream, and what the caller calls them."""
    answering: Format | None = None
    """How the answer is written, where it depends on what was asked."""


def question(exchange: Exchange, target: Target, model: str) -> Question:
    """What to send to ``target`` for its ``model``. Raises ApiError 400 for what cannot be said there."""
    call = exchange.call
    deployment = target.deployment
    way = target.ways[exchange.operation.name]
    renamed, answering = _AS_IT_IS, None
    if way.place:
        return Question(way, kept.head_of(exchange, way), b"")
    if way.configured and way.caller is None:
        body, exchange.accounting.dropped = configured(call, target, model)
    elif way.caller is None:
        ask_usage = deployment.usage_in_stream == "include_usage" and way.asks_usage
        body = call.render(model, way.defaults, ask_usage, deployment.without)
        if deployment.without or exchange.accounting.dropped:
            exchange.accounting.dropped = sorted(deployment.without & call.fields.keys())
    else:
        written = rewrite(call, target, way, model)
        exchange.accounting.dropped, renamed = written.dropped, written.renamed
        if way.caller.answering is not None:
            answering = way.caller.answering(call.plain(deployment.without)[0])
        try:
            body = encode(written.body)
        except Untranslatable as error:
            raise invalid_request(error.message, "request_body") from error
    more = headers.forwarded(exchange.request.index(), target.own) if way.forwards else b""
    if way.form:
        more = b"content-type: %b\r\n" % call.content_type
    prefix = way.streaming if way.streaming and call.stream else way.prefix
    if way.model_in_path:
        prefix = target.named(prefix, model)
    return _tuple(Question, (way, b"%b%d\r\n%b\r\n" % (prefix, len(body), more), body, renamed, answering))


def own_answer(exchange: Exchange, target: Target, model: str, way: Way) -> MockedResponse | CountedResponse | None:
    """The answer that is made here, if no upstream is to be asked."""
    if way.here:
        return CountedResponse(estimate(exchange.call.size).input or 0, exchange.operation)
    mocked = target.deployment.mock_response
    if mocked is None or not exchange.operation.output_fields:
        return None
    return MockedResponse(mocked, model, exchange.call_id, chat=exchange.operation is not COMPLETIONS)


def with_own_ids(asked: Question, exchange: Exchange, target: Target, body: bytes) -> bytes:
    """A whole answer of an upstream that keeps it, with the ids that the caller may use."""
    return named(body, kept.names_of(exchange, target, asked.way))


def translated(asked: Question, body: bytes, public_model: str) -> bytes:
    """A whole answer in the caller's words. Raises BadResponse when it cannot be read."""
    way = asked.way
    assert way.caller is not None, "asked only where there is something to translate"
    assert way.upstream is not None, "asked only where there is something to translate"
    try:
        caller = asked.answering or way.caller
        return caller.write_answer(way.upstream.read_answer(body), public_model, int(time.time()), asked.renamed)
    except Untranslatable as error:
        raise BadResponse(error.message, sent=True, received=True) from error


def tap_of(asked: Question, exchange: Exchange) -> Tap:
    """What stands in the stream that answers."""
    way, call = asked.way, exchange.call
    key = exchange.target.deployment.api_key if exchange.target else None
    if way.caller is None or way.upstream is None:
        if not call.stream:
            return BytesTap()
        tap = way.reading.tap(call.model, exchange.accounting.hides_usage, MAX_EVENT, key)
        if way.ids is not None and exchange.target is not None and isinstance(tap, ResponsesTap):
            tap.names = kept.names_of(exchange, exchange.target, way)
        return tap
    wants_usage = call.wants_usage or call.shows_usage
    writer = (asked.answering or way.caller).writer(call.model, int(time.time()), wants_usage, asked.renamed)
    if exchange.talk is not None and isinstance(writer, ResponsesWriter):
        writer.said, exchange.talk.writer = exchange.talk.said, writer
    return TranslatingTap(way.upstream.reader(), writer, MAX_EVENT, key)
