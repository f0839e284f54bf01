"""The corridor: what happens to a request, stage by stage. Read this file as the table of contents of the data plane.

wire → authenticate → body → permit → admit → cache → route → call → relay → settle
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from phantom_gateway.dialects import operations
from phantom_gateway.dialects.operations import OPENAI
from phantom_gateway.gateway import admit, body, discovery, headers, wishes
from phantom_gateway.gateway.errors import ApiError, invalid_request, unavailable
from phantom_gateway.gateway.exchange import Exchange
from phantom_gateway.gateway.permit import check_route, permit
from phantom_gateway.ledger import trail
from phantom_gateway.wire.intake import Refusal

if TYPE_CHECKING:
    from phantom_gateway.dialects.operations import Operation
    from phantom_gateway.gateway.table import Table
    from phantom_gateway.gateway.worker import Worker
    from phantom_gateway.wire.intake import Verdict
    from phantom_gateway.wire.message import Request
    from phantom_gateway.wire.responder import Responder


TELEMETRY = frozenset({b"/api/event_logging/batch", b"/api/event_logging/v2/batch"})
"""Where Claude Code reports its own use."""


class Corridor:
    """Handles every request of a worker's public listener."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def handle(self, request: Request, responder: Responder) -> None:
        """The wire's handler: one answer per request, whatever happens."""
        found = operations.find(request.path)
        try:
            if found is not None:
                await self._serve(request, responder, *found)
            else:
                await self._other(request, responder)
        except ApiError as error:
            if responder.started:
                responder.abort()
            else:
                shape = OPENAI if found is None else found[0].errors
                responder.send(error.status, headers.of_error(error, error.call_id), error.body(shape))

    def knows(self, request: Request) -> bool:
        """The wire's gate: whether the body of a request is worth receiving, as far as this worker knows the key."""
        return self._worker.authenticator.recognises(request)

    async def judge(self, request: Request) -> Verdict:
        """The same, asking control. Needs the head only."""
        try:
            await self._worker.authenticator.authenticate(request)
        except ApiError as error:
            found = operations.find(request.path)
            if found is None and not _is_own(request.path):
                return False  # control's business: some of its routes need no key
            return Refusal(
                error.status, headers.of_error(error), error.body(OPENAI if found is None else found[0].errors)
            )
        return True

    async def _serve(self, request: Request, responder: Responder, operation: Operation, path_model: str) -> None:
        if request.method != "POST":
            raise ApiError(405, "invalid_request_error", "Use POST here.", headers=((b"allow", b"POST"),))
        worker = self._worker
        table = worker.table
        if table is None:
            raise unavailable("The gateway is starting.")
        exchange = Exchange(request, responder, operation, path_model, worker.next_call_id(), time.monotonic_ns())
        exchange.principal = await worker.authenticator.authenticate(request)
        await prepare(exchange, table, worker)
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
        elif self._worker.admin_here:
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
        anthropic = request.get(b"anthropic-version") is not None
        if name:
            answer = discovery.one_model(table, key, name, anthropic=anthropic)
        else:
            answer = discovery.list_models(table, key, anthropic=anthropic)
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
    exchange.call = body.parse(request.body, exchange.operation, exchange.path_model)
    exchange.call.shows_usage = table.snapshot.settings.always_include_stream_usage
    exchange.wishes = wishes.read(exchange.call, request.index(), table.user_header)
    if exchange.wishes.tags and table.snapshot.settings.reject_client_tags:
        raise invalid_request("Tags are not accepted from callers here.", "tags")
    await permit(exchange, table, worker)


def _is_own(path: bytes) -> bool:
    return path in TELEMETRY or _is_models(path)


def _is_models(path: bytes) -> bool:
    return path in (b"/v1/models", b"/models") or path.startswith((b"/v1/models/", b"/models/"))
