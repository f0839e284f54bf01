"""What would happen to a request, and why, told by the code that would do it; no upstream is asked, nothing is charged.

The request goes through the stages of the corridor up to the call. What it reserves of limits is given back at once; the deployment
is chosen as for a real request, so that where the strategy draws lots another answer may come the next time.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, cast

import msgspec

from phantom_gateway.dialects import operations
from phantom_gateway.gateway import corridor
from phantom_gateway.gateway.admit import BYTES_PER_TOKEN, counted_tokens, reserve, worst_case
from phantom_gateway.gateway.aside import limits_of
from phantom_gateway.gateway.authenticate import check_in_force
from phantom_gateway.gateway.errors import ApiError, invalid_request, unavailable
from phantom_gateway.gateway.exchange import Exchange
from phantom_gateway.gateway.refusal import refusal, shown
from phantom_gateway.gateway.route import fallbacks_of, retries_of
from phantom_gateway.gateway.selection import Round
from phantom_gateway.ledger.money import cost, nano_to_usd
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.plan import amounts_for
from phantom_gateway.wire.message import Request

if TYPE_CHECKING:
    from phantom_gateway.gateway.table import Group, Table, Target
    from phantom_gateway.gateway.wishes import Reason
    from phantom_gateway.gateway.worker import Worker
    from phantom_gateway.limits.slices import Slice
    from phantom_gateway.spine.messages import Explain

JsonObject = dict[str, Any]
_REASONS: tuple[Reason, ...] = ("general", "context_window", "content_policy")


async def explain(worker: Worker, ask: Explain) -> bytes:
    """The answer to ``ask`` as JSON."""
    told = _Told(worker)
    try:
        await told.tell(ask)
    except ApiError as error:
        told.view |= {"allowed": False, "error": _error(error)}
    finally:
        if worker.table is not None:
            worker.table.forget(ask.key)
    return msgspec.json.encode(told.view)


class _Told:
    """What is found out, stage by stage; ``view`` has what is known so far when a stage refuses."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.view: JsonObject = {"allowed": True, "stage": "key", "error": None}

    async def tell(self, ask: Explain) -> None:
        table = self._worker.table
        if table is None:
            raise unavailable("The gateway is starting.")
        exchange = self._exchange(ask)
        key = exchange.principal
        if key.routing is not None:
            table = table.of_own(key.routing)
        self.view["key"] = {"id": key.id, "alias": key.alias, "user_id": key.user_id, "team_id": key.team_id}
        check_in_force(key)
        self.view["stage"] = "request"
        await corridor.prepare(exchange, table, self._worker)
        group, model = exchange.group, exchange.routed
        self.view["model"] = {"asked": exchange.call.model, "group": group.name, "name": model}
        self.view["stage"] = "limits"
        reservation, _, need, _ = await reserve(exchange, table, self._worker)
        reservation.release()
        group, model = exchange.group, exchange.routed  # a budget may have led elsewhere
        self.view["model"] |= {"group": group.name, "name": model}
        self.view["limits"] = [_limit(piece) for piece in reservation.slices]
        self.view["estimate"] = {"worst_case_cost": nano_to_usd(need)}
        self.view["stage"] = "route"
        route = self.view["route"] = await self._route(exchange, table, group, model)
        self.view["fallbacks"] = await self._fallbacks(exchange, table)
        if route["chosen"] is None and not self.view["fallbacks"].get("general"):
            self.view |= {"allowed": False, "error": route["error"]}
            return
        self.view["stage"] = "call"

    def _exchange(self, ask: Explain) -> Exchange:
        path = ask.path.encode("latin-1", "replace")
        found = operations.find(path)
        if found is None:
            raise invalid_request("No requests to models are made at this path.", "path")
        headers = [
            (name.encode("latin-1", "replace"), value.encode("latin-1", "replace")) for name, value in ask.headers
        ]
        # Nobody is answered: none of the stages before the call looks at the responder.
        nobody = cast("Any", None)
        exchange = Exchange(Request("POST", path, headers, ask.body), nobody, *found, "explain", time.monotonic_ns())
        exchange.principal = ask.key
        return exchange

    async def _route(self, exchange: Exchange, table: Table, group: Group, model: str) -> JsonObject:
        """Whom a group would ask first, and who is left out."""
        exchange.trail = []
        now = time.monotonic()
        view: JsonObject = {
            "group": group.name,
            "strategy": table.routing.strategy,
            "chosen": None,
            "error": None,
            "considered": [_target(target, now) for target in group.bound(group.targets, model)],
        }
        try:
            target = await self._chosen(exchange, table, Round(group, model, exchange, table), model)
            view["chosen"] = target.id
            view |= self._attempt(exchange, table, target, model)
        except ApiError as error:
            view["error"] = _error(error)
        view["trail"] = [step._asdict() for step in exchange.trail]
        return view

    async def _chosen(self, exchange: Exchange, table: Table, round_: Round, model: str) -> Target:
        exhausted: ApiError | None = None
        while True:
            now = time.monotonic()
            target = round_.next(now)
            if target is None:
                raise exhausted or round_.nobody(now)
            exhausted = await self._exhausted(exchange, table, target, model)
            if exhausted is None:
                return target
            round_.leave_out(target, "budget")

    async def _exhausted(self, exchange: Exchange, table: Table, target: Target, model: str) -> ApiError | None:
        """The refusal of a budget of the deployment, its provider or a fallback's model."""
        limits = limits_of(exchange, target, model, table)
        if not limits:
            return None
        need, now = worst_case(exchange, target.worst(target.upstream_model(model))), time.time()
        try:
            amounts = amounts_for(limits, counted_tokens(exchange, table), need)
            reservation = await self._worker.book.take_all(limits, amounts, now)
        except LimitExceeded as error:
            return refusal(error, now, need, table.snapshot.settings.budget_exceeded_status)
        except LimiterUnavailable:
            return unavailable("The limits of the deployment cannot be checked right now.", kind="limiter_unavailable")
        reservation.release()
        return None

    def _attempt(self, exchange: Exchange, table: Table, target: Target, model: str) -> JsonObject:
        call = exchange.call
        upstream = target.upstream_model(model)
        usage = Usage(
            input=call.size // BYTES_PER_TOKEN + 1,
            output=call.expected_output if exchange.operation.output_fields else 0,
        )
        prices = target.priced(upstream).prices
        if call.order is not None:
            usage, prices = call.order.priced(call.order.unseen(), prices)
        patience = target.stream_timeouts if call.stream else target.timeouts
        return {
            "provider": target.deployment.provider,
            "upstream_model": upstream,
            "retries": retries_of(exchange, exchange.group, target, "InternalServer", table),
            "first_byte_timeout_s": patience.first_byte_s,
            "total_timeout_s": patience.total_s,
            "estimated_input_tokens": usage.input,
            "estimated_output_tokens": usage.output,
            "estimated_cost": nano_to_usd(cost(usage, prices).total),
            "mocked": target.deployment.mock_response is not None,
        }

    async def _fallbacks(self, exchange: Exchange, table: Table) -> JsonObject:
        """Where the request would go on, by the reason, and whom it would find there."""
        found: JsonObject = {}
        key = exchange.principal
        for reason in _REASONS:
            routes = []
            for position, name in enumerate(fallbacks_of(exchange, table, reason), start=1):
                place = table.find(key.model_aliases.get(name, name), key.team_id)
                if place is not None:
                    exchange.fallbacks = position
                    routes.append({"model": name, **await self._route(exchange, table, *place)})
            if routes:
                found[reason] = routes
        exchange.fallbacks = 0
        return found


def _target(target: Target, now: float) -> JsonObject:
    health, deployment = target.health.total(), target.deployment
    return {
        "id": target.id,
        "provider": deployment.provider,
        "state": health.state(now),
        "rests_s": round(max(health.cooldown_until - now, 0.0), 1),
        "in_flight": health.in_flight,
        "requests": health.requests,
        "failures": health.failures,
        "latency_ms": round(health.latency_s * 1000, 1),
        "weight": target.weight,
        "order": deployment.order,
        "tags": sorted(target.tags),
        "rpm": deployment.rpm,
        "tpm": deployment.tpm,
    }


def _limit(piece: Slice) -> JsonObject:
    limit = piece.limit
    left = max(piece.remaining + piece.free, 0)
    money = limit.kind == "budget"
    return {
        "entity": shown(limit.entity),
        "kind": limit.kind,
        "window": limit.window,
        "limit": nano_to_usd(limit.amount) if money else limit.amount,
        "remaining": nano_to_usd(left) if money else left,
    }


def _error(error: ApiError) -> JsonObject:
    return {
        "status": error.status,
        "type": error.kind,
        "message": error.message,
        "param": error.param,
        "details": error.details,
    }
