"""The corridor: what happens to a request, stage by stage. Read this file as the table of contents of the data plane.

wire → authenticate → body → permit → admit → cache → route → call → relay → settle
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from phantom_gateway.dialects import operations
from phantom_gateway.dialects.operations import OPENAI
from phantom_gateway.gateway import admit, body, conversations, discovery, form, headers, kept, order, passing, wishes
from phantom_gateway.gateway.errors import ApiError, invalid_request, unavailable
from phantom_gateway.gateway.exchange import Exchange
from phantom_gateway.gateway.permit import check_route, identify, permit
from phantom_gateway.gateway.terms import apply_terms
from phantom_gateway.ledger import trail
from phantom_gateway.wire.intake import Refusal

if TYPE_CHECKING:
    from phantom_gateway.dialects.operations import Errors, Media, Operation
    from phantom_gateway.gateway.body import Call
    from phantom_gateway.gateway.table import Table
    from phantom_gateway.gateway.worker import Worker
    from phantom_gateway.spine.clients import Clients
    from phantom_gateway.wire.intake import Verdict
    from phantom_gateway.wire.message import Request
    from phantom_gateway.wire.responder import Responder


PROBES = (b"/health/liv", b"/health/readiness")
TELEMETRY = frozenset({b"/api/event_logging/batch", b"/api/event_logging/v2/batch"})
"""Where Claude Code reports its own use."""


class Corridor:
    """Handles every request of a worker's public listener."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def handle(self, request: Request, responder: Responder) -> None:
        """The wire's handler: one answer per request, whatever happens."""
        found = operations.find(request.path)
        table = self._worker.table
        try:
            if table is not None and table.clients is not None:
                _check_client(request, table.clients)
            if found is not None:
                await self._serve(request, responder, *found)
            else:
                await self._other(request, responder)
        except ApiError as error:
            if responder.started:
                responder.abort()
            else:
                shape = _shape(request.path) if found is None else found[0].errors
                responder.send(error.status, headers.of_error(error, error.call_id), error.body(shape))

    @staticmethod
    def refused(status: int, reason: str, path: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
        """The wire's answer to what never becomes a request, in the words of the API that was called. Never raises."""
        found = operations.find(path)
        error = ApiError(status, "invalid_request_error" if status < 500 else "internal_server_error", reason)
        lines = [(b"content-type", b"application/json")]
        if status == 503:
            lines.append((b"retry-after", b"1"))
        return lines, error.body(_shape(path) if found is None else found[0].errors)

    def knows(self, request: Request) -> bool:
        """The wire's gate: whether the body of a request is worth receiving, as far as this worker knows the key."""
        return self._worker.authenticator.recognises(request)

    async def judge(self, request: Request) -> Verdict:
        """The same, asking control. Needs the head only."""
        table = self._worker.table
        try:
            if table is not None and table.clients is not None:
                _check_client(request, table.clients)
            await self._worker.authenticator.authenticate(request)
        except ApiError as error:
            found = operations.find(request.path)
            if found is None and not _is_own(request.path) and not self._passes(request):
                return False  # control's business: some of its routes need no key
            shape = _shape(request.path) if found is None else found[0].errors
            return Refusal(error.status, headers.of_error(error), error.body(shape))
        return True

    def _passes(self, request: Request) -> bool:
        """Whether a request is to be passed on, and its key would be in its head."""
        table = self._worker.table
        way = None if table is None else table.passages.at(request.path)
        return way is not None and passing.keyed(request, way.passage) is request

    async def _serve(self, request: Request, responder: Responder, operation: Operation, path_model: str) -> None:
        if request.method != operation.method:
            operation = _under(operation, request.method)
        worker = self._worker
        table = worker.table
        if table is None:
            raise unavailable("The gateway is starting.")
        exchange = Exchange(request, responder, operation, path_model, worker.next_call_id(), time.monotonic_ns())
        exchange.principal = await worker.authenticator.authenticate(request)
        if exchange.principal.routing is not None:
            table = table.of_own(exchange.principal.routing)
        await prepare(exchange, table, worker)
        if exchange.kept is not None and exchange.kept.deployment == conversations.HERE:
            await conversations.answer(exchange, worker.spine)
            return
        accounting = await admit.admit(exchange, table, worker)
        try:
            if table.snapshot.cache is None or not await worker.cache.answer(exchange, table):
                await worker.router.run(exchange, table)
        except ApiError as error:
            error.call_id = exchange.call_id
            if exchange.trail is not None:
                error.headers += ((b"x-phantom-routing-trail", trail.header(exchange.trail)),)
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
            if exchange.is_raw:
                responder.abort()
            responder.finish(stopped.event(operation.errors))
        finally:
            accounting.close_abandoned()
            # the two know each other: apart they are freed now, not by the collector
            del exchange.accounting

    async def _other(self, request: Request, responder: Responder) -> None:
        path = request.path
        if path.startswith(b"/health/liv"):
            responder.send(200, headers.JSON, b'"I\'m alive!"')
        elif path == b"/health/readiness":
            ready = self._worker.readiness()
            responder.send(200 if ready.ok else 503, headers.JSON, ready.body())
        elif _is_models(path):
            await self._models(request, responder)
        elif path in TELEMETRY:
            await self._telemetry(request, responder)
        elif (table := self._worker.table) is not None and (way := table.passages.find(path)) is not None:
            await passing.serve(self._worker, table, request, responder, way)
        elif self._worker.admin_here and not path.startswith(operations.GOOGLES):
            await self._worker.forwarder.forward(request, responder)
        else:
            raise ApiError(404, "not_found_error", "There is nothing here.")

    async def _telemetry(self, request: Request, responder: Responder) -> None:
        """Claude Code reports its own use to where it sends its requests: taken, so that it does not try again, and not kept."""
        if request.method != "POST":
            raise ApiError(405, "invalid_request_error", "Use POST here.", headers=((b"allow", b"POST"),))
        await self._worker.authenticator.authenticate(request)
        responder.send(200, headers.JSON, b'{"status":"ok"}')

    async def _models(self, request: Request, responder: Responder) -> None:
        table = self._worker.table
        if table is None:
            raise unavailable("The gateway is starting.")
        if request.method not in ("GET", "HEAD"):
            raise ApiError(405, "invalid_request_error", "Use GET here.", headers=((b"allow", b"GET"),))
        key = await self._worker.authenticator.authenticate(request)
        check_route(key, request.path)
        name = request.path.partition(b"/models")[2].lstrip(b"/")
        asked: discovery.Shape = "anthropic" if request.get(b"anthropic-version") is not None else "openai"
        if request.path.startswith(operations.GOOGLES) or request.get(b"x-goog-api-key") is not None:
            asked = "google"
        answer = discovery.one_model(table, key, name, asked) if name else discovery.list_models(table, key, asked)
        responder.send(200, headers.JSON, answer)


async def prepare(exchange: Exchange, table: Table, worker: Worker) -> None:
    """What an authenticated request asks for, and whether its key may: body, wishes, permit. Raises ApiError."""
    request = exchange.request
    if exchange.principal.allowed_routes:
        check_route(exchange.principal, request.path)
    coding = request.get(b"content-encoding")
    if coding is not None and coding.lower() != b"identity":
        raise ApiError(
            415,
            "invalid_request_error",
            "Send the body uncompressed.",
            headers=((b"accept-encoding", b"identity"),),
        )
    operation = exchange.operation
    if operation.stored is not None:
        exchange.call = kept.stored(exchange, table)
    elif operation.media is not None:
        exchange.call = _ordered(exchange, operation.media)
    else:
        exchange.call = body.parse(request.body, operation, exchange.path_model)
        if operation.keeps:
            kept.prepare(exchange, table)
            await conversations.prepare(exchange, table, worker.spine)
    exchange.call.shows_usage = table.snapshot.settings.always_include_stream_usage
    exchange.wishes = wishes.read(exchange.call, request.index(), table.customer_headers)
    if table.user_headers:
        await identify(exchange, table, worker)
    if table.requires or exchange.principal.has_terms:
        apply_terms(exchange, table)
    if exchange.wishes.tags and table.snapshot.settings.reject_client_tags:
        raise invalid_request("Tags are not accepted from callers here.", "tags")
    await permit(exchange, table, worker)


def _under(operation: Operation, method: str) -> Operation:
    """What the path of ``operation`` means under another method. Raises ApiError 405."""
    other = operation.other
    if other is not None and method == other.method:
        return other
    allowed = [each.method for each in (operation, other) if each is not None]
    message = f"Use {' or '.join(allowed)} here."
    raise ApiError(405, "invalid_request_error", message, headers=((b"allow", ", ".join(allowed).encode()),))


def _ordered(exchange: Exchange, media: Media) -> Call:
    """A call that is not about text alone, and what it orders. Raises ApiError 400."""
    request = exchange.request
    boundary = form.boundary_of(request.get(b"content-type"))
    call: Call
    if boundary is None:
        call = body.parse(request.body, exchange.operation, exchange.path_model)
    elif media.form:
        call = form.parse(request.body, boundary, media, exchange.path_model)
    else:
        raise invalid_request("The body must be JSON here, not a form.", "content-type")
    call.order = order.read(call, media)
    call.expected_output = 0
    return call


def _is_own(path: bytes) -> bool:
    return path in TELEMETRY or _is_models(path)


def _shape(path: bytes) -> Errors:
    """How an error is said where no operation is."""
    return operations.GOOGLE if path.startswith(operations.GOOGLES) else OPENAI


def _is_models(path: bytes) -> bool:
    return path in _MODELS or path.startswith(_ONE_MODEL)


_MODELS = (b"/v1/models", b"/models", b"/v1beta/models")
_ONE_MODEL = tuple(path + b"/" for path in _MODELS)


def _check_client(request: Request, clients: Clients) -> None:
    """Learn where a request comes from. Raises ApiError 403 for an address that is not served; probes are answered to all."""
    if clients.believes:
        said = [value for name, value in request.headers if name == b"x-forwarded-for"]
        request.peer = clients.address(request.peer, b",".join(said).decode("latin-1"))
    if not clients.admits(request.peer) and not request.path.startswith(PROBES):
        raise ApiError(403, "auth_error", "Access forbidden: IP address not allowed.")
