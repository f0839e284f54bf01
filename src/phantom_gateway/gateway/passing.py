"""Requests that are passed on as they are: authenticated, limited, reserved and recorded like every call, otherwise untouched.

There is one attempt and no other upstream. What an answer used is read off it where its provider's words are known; a request whose
cost nobody could know is refused to keys with a budget.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from phantom_gateway.dialects import media, openai
from phantom_gateway.dialects.operations import Operation
from phantom_gateway.dialects.passing import PassTap
from phantom_gateway.gateway import admit, body, wishes
from phantom_gateway.gateway.aside import reserve_aside
from phantom_gateway.gateway.body import Call
from phantom_gateway.gateway.errors import ApiError, invalid_request, unavailable
from phantom_gateway.gateway.exchange import Exchange
from phantom_gateway.gateway.json_object import decoded
from phantom_gateway.gateway.kept import UNMETERED
from phantom_gateway.gateway.passages import answered, key_in, model_in, named
from phantom_gateway.gateway.permit import PASSED, check_passed, denied, identify, permit
from phantom_gateway.gateway.terms import apply_terms
from phantom_gateway.gateway.ways import Reading
from phantom_gateway.ledger.pass_usage import READERS
from phantom_gateway.ledger.usage import from_openai
from phantom_gateway.wire import errors as wire
from phantom_gateway.wire.message import Request

if TYPE_CHECKING:
    from phantom_gateway.gateway.passages import Passage, Way
    from phantom_gateway.gateway.table import Table
    from phantom_gateway.gateway.worker import Worker
    from phantom_gateway.wire.client import Response
    from phantom_gateway.wire.responder import Responder

MAX_ERROR = 1024 * 1024
READS = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})
"""Methods that make nothing that is billed."""
_METERED = Operation(PASSED, "pass_through_endpoint", True, ("max_tokens",), "body")
_UNMETERED = Operation(PASSED, "pass_through_endpoint", True, (), "body")
_FREE = Operation(PASSED, "pass_through_endpoint", True, (), "body", free=True)
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "max_tokens_to_sample")
_SILENT = re.compile(rb"embed|rerank", re.IGNORECASE)
"""In paths whose answers are vectors or rankings."""
_NESTED = {
    "generationConfig": "maxOutputTokens",
    "generation_config": "max_output_tokens",
    "inferenceConfig": "maxTokens",
}
"""Where providers have the bound of the output elsewhere (Google, Bedrock)."""


class PassRelay:
    """The sink of an answer that passes. ``first_ns``: when its first byte did."""

    __slots__ = ("_responder", "_response", "_tap", "first_ns")

    def __init__(self, response: Response, responder: Responder, tap: PassTap) -> None:
        self._response = response
        self._responder = responder
        self._tap = tap
        self.first_ns = 0

    def data(self, data: bytes) -> None:
        """Called by the wire for each piece of the body."""
        if not self.first_ns:
            self.first_ns = time.monotonic_ns()
        if not self._responder.write(self._tap.feed(data)):
            self._response.pause()
            self._responder.on_writable = self._response.resume


def keyed(request: Request, passage: Passage) -> Request:
    """The request with its key in a header: Google's clients may send it as a parameter."""
    key = key_in(request.query) if passage.spec.shape == "gemini" else None
    names = (b"authorization", b"x-goog-api-key", b"x-litellm-api-key", b"api-key", b"x-api-key")
    if key is None or any(request.get(name) for name in names):
        return request
    target = request.path + b"?" + request.query
    return Request(request.method, target, [*request.headers, (b"x-goog-api-key", key)], request.body)


async def serve(worker: Worker, table: Table, request: Request, responder: Responder, way: Way) -> None:
    """Answer one request from where its path leads. Raises ApiError, nothing being delivered."""
    passage = way.passage
    request = keyed(request, passage)
    exchange = Exchange(request, responder, _UNMETERED, "", worker.next_call_id(), time.monotonic_ns())
    exchange.principal = await worker.authenticator.authenticate(request)
    if table.user_headers:
        await identify(exchange, table, worker)
    if passage.methods and request.method not in passage.methods:
        allow = ", ".join(sorted(passage.methods)).encode()
        raise ApiError(405, "invalid_request_error", "This method is not passed on here.", headers=((b"allow", allow),))
    _prepare(exchange, table, way)
    head = passage.head(request, way.rest)
    await permit(exchange, table, worker, named(passage, exchange.call.model))
    _check_priced(exchange, way)
    accounting = await admit.admit(exchange, table, worker)
    try:
        refused = await reserve_aside(exchange, passage.target, exchange.call.model, table, worker.book)
        if refused is not None:
            raise refused
        await _ask(worker, exchange, passage, head)
    except ApiError as error:
        error.call_id = exchange.call_id
        await accounting.close_failure(error.kind, error.status)
        raise
    except asyncio.CancelledError:
        if responder.gone:
            accounting.close_left()
            raise
        stopped = unavailable("The gateway is being stopped.")
        accounting.close_cut(stopped.kind, stopped.status)
        if not responder.started:
            raise stopped from None
        responder.abort()
    finally:
        accounting.close_abandoned()
        del exchange.accounting


def _prepare(exchange: Exchange, table: Table, way: Way) -> None:
    """What is asked for, as far as it can be known. Raises ApiError 400, 403 and 415."""
    request, passage = exchange.request, way.passage
    check_passed(exchange.principal, request.path)
    coding = request.get(b"content-encoding")
    if coding is not None and coding.lower() != b"identity":
        raise ApiError(
            415, "invalid_request_error", "Send the body uncompressed.", headers=((b"accept-encoding", b"identity"),)
        )
    path = unquote(way.rest.decode("latin-1"))
    kind = (request.get(b"content-type") or b"").partition(b";")[0].strip().lower()
    metered = passage.is_metered(path) and request.method not in READS
    fields: dict[str, msgspec.Raw] = {}
    if request.body and (metered or kind == b"application/json") and request.body.lstrip()[:1] == b"{":
        fields = decoded(request.body)
    call = exchange.call = Call(fields, len(request.body) if metered else 0)
    if metered and not fields:
        raise invalid_request("The request body must be a JSON object.", "request_body")
    call.model = model_in(path) or _text(call, "model")
    if len(call.model) > body.MAX_MODEL or not call.model.isprintable():
        raise invalid_request("The name of the model cannot be used.", "model")
    call.stream = _flag(call, "stream") or "stream" in path.rpartition("/")[2].lower()
    labels = Call({name: fields[name] for name in ("user", "metadata") if name in fields}, 0)
    exchange.wishes = wishes.read(labels, request.index(), table.customer_headers)
    if exchange.wishes.tags and table.snapshot.settings.reject_client_tags:
        raise invalid_request("Tags are not accepted from callers here.", "tags")
    if metered:
        if _flag(call, "background"):
            raise invalid_request(f"'background' is not supported here: {UNMETERED['background']}", "background")
        exchange.operation = _METERED
        _bound(call)
        if table.requires or exchange.principal.has_terms:
            apply_terms(exchange, table)
    else:
        call.expected_output = 0
        if (request.method in READS or passage.is_free(path)) and not passage.priced:
            exchange.operation = _FREE
    if request.method not in READS and not call.model and not passage.priced and not passage.is_free(path):
        key = exchange.principal
        lists = (("key", key.models), *key.model_lists)
        whose = next((kind for kind, models in lists if models), None)
        if whose is not None and passage.spec.shape:
            # who may use certain models only is not to reach others by what names none
            raise denied(whose, f"{passage.name}{path}")


def _bound(call: Call) -> None:
    """Output tokens at most, over all answers."""
    limits = [_count(call.field(name)) for name in _LIMITS]
    choices = [_count(call.field("n")), _count(call.field("num_generations"))]
    for place, name in _NESTED.items():
        nested = call.field(place)
        if isinstance(nested, dict):
            limits.append(_count(nested.get(name)))
            choices.append(_count(nested.get("candidateCount")))
    found = [limit for limit in limits if limit is not None]
    call.output_limit = max(found) if found else None
    call.choices = max(1, *[each or 1 for each in choices])
    expected = body.EXPECTED_OUTPUT
    call.expected_output = (expected if call.output_limit is None else min(call.output_limit, expected)) * call.choices


def _check_priced(exchange: Exchange, way: Way) -> None:
    """What has no price cannot be held within a budget. Raises ApiError 400."""
    passage, path = way.passage, unquote(way.rest.decode("latin-1"))
    if exchange.request.method in READS or passage.priced or passage.is_free(path):
        return
    known = exchange.operation is _METERED and passage.target.is_priced(exchange.call.model)
    if known and passage.target.priced(exchange.call.model).prices.version != "none":
        return
    if any(limit.kind == "budget" for limit in (*exchange.limits, *passage.target.limits)):
        message = (
            f"What a request to '{passage.name}{path}' costs is not known, and a budget applies: it cannot be billed."
        )
        raise invalid_request(message, "path")


async def _ask(worker: Worker, exchange: Exchange, passage: Passage, head: bytes) -> None:
    target, accounting = passage.target, exchange.accounting
    exchange.target = target
    usage = READERS.get(passage.spec.shape, from_openai)
    accounting.sent(target, exchange.call.model, Reading(openai.read_answer, media.said, usage, media.MediaTap))
    try:
        response = await _sent(worker, exchange, head)
        try:
            await _answer(exchange, passage, response)
        finally:
            response.close()
    except wire.UpstreamError as error:
        raise _failed(exchange, error) from error
    except ApiError:
        accounting.attempt_failed()
        raise


async def _sent(worker: Worker, exchange: Exchange, head: bytes) -> Response:
    """The response's head; a pooled connection that had gone stale is no failure."""
    target = exchange.target
    assert target is not None, "set before anything is sent"
    timeouts = target.stream_timeouts if exchange.call.stream else target.timeouts
    for _ in range(2):
        try:
            return await worker.client.request(target.origin, head, exchange.request.body, timeouts)
        except wire.ConnectionLost as error:
            if not error.reused or error.received:
                raise
    return await worker.client.request(target.origin, head, exchange.request.body, timeouts)


async def _answer(exchange: Exchange, passage: Passage, response: Response) -> None:
    accounting, responder = exchange.accounting, exchange.responder
    status = response.status
    if status in (401, 402, 403):
        what = "account" if status == 402 else "credentials"
        message = f"The upstream refused the gateway's {what} (status {status})."
        raise ApiError(502, "upstream_authentication_error", message)
    if 300 <= status < 400 and status != 304:
        raise ApiError(502, "internal_server_error", "The upstream answered with a redirect, which is never followed.")
    told = [*answered(response.headers), (b"x-litellm-call-id", exchange.call_id.encode())]
    if status >= 400:
        words = await response.read(MAX_ERROR)
        accounting.attempt_failed()
        await accounting.close_failure("upstream_error", status)
        plain = [pair for pair in told if pair[0] != b"content-encoding"]
        responder.send(status, plain, passage.hidden(words))
        return
    accounting.answered(response.headers)
    metered = exchange.operation is _METERED
    tap = PassTap(response.get(b"content-type"), response.get(b"content-encoding"), metered=metered)
    tap.speaks = not _SILENT.search(exchange.request.path)
    tap.usage = _counted(response) if metered else None
    relay = PassRelay(response, responder, tap)
    accounting.streams(tap, relay)
    if status in (204, 304) or exchange.request.method == "HEAD":
        await response.read(0)
        tap.finish()
        await accounting.close_success()
        responder.send(status, told, b"")
        return
    responder.start(status, told)
    try:
        await response.relay(relay)
    except wire.UpstreamError:
        if not relay.first_ns:
            accounting.close_cut("internal_server_error", 502)
        else:
            accounting.close_cut("upstream_error", 502)
        responder.abort()
        return
    tap.finish()
    await accounting.close_success()
    responder.finish()


def _failed(exchange: Exchange, error: wire.UpstreamError) -> ApiError:
    """What a failure before the answer means; it may have been worked on all the same."""
    slow = isinstance(error, wire.FirstByteTimeout | wire.DeadlineExceeded | wire.ConnectTimeout)
    if slow and error.sent and exchange.operation is _METERED:
        exchange.accounting.attempt_lost()
    else:
        exchange.accounting.attempt_failed(sent=error.sent)
    if slow:
        return ApiError(504, "timeout_error", "The upstream did not answer in time.")
    if isinstance(error, wire.EgressDenied):
        message = "The upstream's address is not allowed by the egress rules of this gateway."
        return ApiError(502, "internal_server_error", message)
    return ApiError(502, "internal_server_error", "The upstream cannot be reached, or its answer was not understood.")


def _counted(response: Response) -> dict[str, Any] | None:
    """Bedrock counts in headers, whoever made the model."""
    told = [
        response.get(name) or b""
        for name in (b"x-amzn-bedrock-input-token-count", b"x-amzn-bedrock-output-token-count")
    ]
    if not all(value.isdigit() and len(value) < 12 for value in told):
        return None
    return {"inputTokens": int(told[0]), "outputTokens": int(told[1])}


def _text(call: Call, name: str) -> str:
    value = call.field(name)
    return value if isinstance(value, str) else ""


def _flag(call: Call, name: str) -> bool:
    return call.field(name) is True


def _count(value: Any) -> int | None:
    """A bound that is one; anything else is for the provider to refuse."""
    return min(value, 1 << 32) if type(value) is int and value >= 0 else None
