"""May this go on: model access, limits and the budget reservation; then the accounting is opened.

Nothing here calls a database: limits are taken from leases that the worker holds, or asked of control over the spine.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from phantom_gateway.gateway.errors import ApiError, invalid_request, unavailable
from phantom_gateway.gateway.settle import Accounting
from phantom_gateway.ledger.journal import StorageFullError
from phantom_gateway.ledger.money import MILLION, NANO, format_usd
from phantom_gateway.ledger.record import Opened
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.plan import amounts_for

if TYPE_CHECKING:
    from phantom_gateway.gateway.body import Call
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Group, Table, Worst
    from phantom_gateway.gateway.worker import Worker
    from phantom_gateway.limits.slices import Reservation
    from phantom_gateway.spine.messages import KeyRecord, Limit

BYTES_PER_TOKEN = 4
TOKENS_PER_IMAGE = 4096
"""An image, a recording or a file given by reference costs tokens that the size of the request does not show."""
_MEDIA = re.compile(rb'image_url|input_audio|"file"|\\u00[4-7]')
"""Where such a reference may be. No encoder escapes plain letters: who does hides something, and pays the reservation."""
LARGEST = 1 << 62
"""Nano-dollars; what is more does not fit the books, and no budget is as large."""

_ALL = frozenset({"*", "all-proxy-models", "all-team-models"})


def may_use(key: KeyRecord, model: str, table: Table) -> bool:
    """Whether the key's model list admits a public name: by itself, as an alias of an admitted group, or by a wildcard prefix."""
    allowed = key.models
    if not allowed or model in allowed or not _ALL.isdisjoint(allowed):
        return True
    if any(entry.endswith("*") and model.startswith(entry[:-1]) for entry in allowed):
        return True
    found = table.find(model)
    return found is not None and (found[0].name in allowed or found[1] in allowed)


_LLM_ROUTES = frozenset({"llm_api_routes", "openai_routes", "/*", "*"})
"""LiteLLM's names for groups of routes that contain all routes of the data plane."""


def check_route(key: KeyRecord, path: bytes) -> None:
    """Whether ``allowed_routes`` admit a raw path: exactly, by a trailing star, or by a group's name. Raises ApiError 403."""
    allowed = key.allowed_routes
    if not allowed or not _LLM_ROUTES.isdisjoint(allowed):
        return
    route = path.decode("latin-1")
    if any(route == each or (each.endswith("*") and route.startswith(each[:-1])) for each in allowed):
        return
    message = (
        f"Virtual key is not allowed to call this route. Only allowed to call routes: {list(allowed)}. "
        f"Tried to call route: {route}"
    )
    raise ApiError(403, "auth_error", message, details={"allowed_routes": list(allowed)})


def group_for(key: KeyRecord, call: Call, table: Table) -> tuple[Group, str]:
    """The model group of a request the key may make, and the name asked for within it. Raises ApiError 403 or 400."""
    if key.key_type not in ("default", "llm_api"):
        raise ApiError(
            403, "auth_error", "Virtual key is not allowed to call this route: its type is not for LLM calls."
        )
    model = key.model_aliases.get(call.model, call.model)
    if not may_use(key, model, table):
        message = f"The requested model '{call.model}' is not available for this API key, or the model name is invalid."
        raise ApiError(403, "key_model_access_denied", message, param="model", details={"model": call.model})
    found = table.find(model)
    if found is None:
        message = (
            f"Invalid model name passed in model={call.model}. Call `/v1/models` to view available models for your key."
        )
        raise invalid_request(message, "model")
    return found


async def admit(exchange: Exchange, table: Table, worker: Worker) -> Accounting:
    """Take what the request may use of every limit and open its record. Raises ApiError 429, 422 or 503.

    Whoever has to wait for a lease finds out afterwards whether the key has changed meanwhile, and then begins again: once
    a worker has confirmed that it forgot a key, nothing is opened any more under what it knew.
    """
    if not worker.journal.accepting:
        raise unavailable("The gateway cannot record requests right now.", kind="storage_full", retry_after=5)
    call, book = exchange.call, worker.book
    tokens_in = call.size // BYTES_PER_TOKEN + 1
    tokens_out = call.expected_output if exchange.operation.output_fields else 0
    wishes = exchange.wishes
    while True:
        key, group = exchange.principal, exchange.group
        worst = group.worst if group.fixed else table.worst(group, exchange.routed)
        need = worst_case(exchange, worst)
        limits = table.limits_of(key) if table.common_limits else key.limits
        now = time.time()
        if not group.fixed and _has_budget(limits) and not table.is_priced(group, exchange.routed):
            message = f"The model '{call.model}' has no known price, and this key has a budget: it cannot be billed."
            raise invalid_request(message, "model")
        plan = book.plan(limits)
        reservation: Reservation | None = None
        if plan is not None:
            reservation = book.reserve(plan, tokens_in + tokens_out, need, now)
        if reservation is None:
            amounts = amounts_for(limits, tokens_in + tokens_out, need)
            reservation = await _wait(exchange, table, worker, _Wanted(limits, amounts, need, now))
        if reservation is not None:
            break
    if worst.long is not None and tokens_in > worst.above:
        worst = worst.long
    opened = Opened(
        id=exchange.call_id,
        at_ns=int(now * 1e9),
        key_id=key.id,
        group=exchange.group.name,
        reserved=reservation.reserved(),
        estimate=(tokens_in * worst.input + tokens_out * worst.output) // MILLION,
        input_tokens=tokens_in,
        call_type=exchange.operation.call_type,
        user_id=key.user_id,
        team_id=key.team_id,
        org_id=key.org_id,
        project_id=key.project_id,
        stream=call.stream,
        model=call.model,
        end_user=wishes.end_user,
        tags=(*key.tags, *wishes.tags) if wishes.tags else key.tags,
        key_alias=key.alias,
        session_id=wishes.session_id,
        trace_id=wishes.trace_id,
        worst=need,
    )
    try:
        accounting = exchange.accounting = Accounting(exchange, reservation, opened, worker.books)
    except StorageFullError as error:
        reservation.release()
        raise unavailable(
            "The gateway cannot record requests right now.", kind="storage_full", retry_after=5
        ) from error
    return accounting


class _Wanted(NamedTuple):
    """What a request takes of which limits; what it may cost; and the time of asking."""

    limits: tuple[Limit, ...]
    amounts: list[int]
    need: int
    now: float


async def _wait(exchange: Exchange, table: Table, worker: Worker, wanted: _Wanted) -> Reservation | None:
    """Ask control for what is short. None: the key has changed meanwhile, begin again with what it is now.

    Raises ApiError 401, 403, 422, 429 or 503.
    """
    cache = worker.authenticator.cache
    generation = cache.generation
    try:
        reservation = await worker.book.take_all(wanted.limits, wanted.amounts, wanted.now)
    except LimitExceeded as error:
        status = table.snapshot.settings.budget_exceeded_status
        raise _refusal(error, wanted.now, wanted.need, status) from error
    except LimiterUnavailable as error:
        raise unavailable("The limits of this key cannot be checked right now.", kind="limiter_unavailable") from error
    if generation == cache.generation:
        return reservation
    try:
        fresh = await worker.authenticator.authenticate(exchange.request)
        if fresh == exchange.principal:
            return reservation
        check_route(fresh, exchange.request.path)
        exchange.group, exchange.routed = group_for(fresh, exchange.call, table)
        exchange.principal = fresh
    except BaseException:
        reservation.release()
        raise
    reservation.release()
    return None


def _has_budget(limits: tuple[Limit, ...]) -> bool:
    return any(limit.kind == "budget" for limit in limits)


def worst_case(exchange: Exchange, worst: Worst) -> int:
    """The most this request can cost on its group or where it may fall back to, in nano-dollars, rounded up.

    No tokenizer makes more tokens than there are bytes, so the body's size bounds the input.
    """
    call = exchange.call
    tokens_in = call.size
    # ``find``, not ``in``: the latter first tries its operand as a number, which costs an exception each time
    find = exchange.request.body.find
    if find(b"image_url") >= 0 or find(b"input_audio") >= 0 or find(b'"file"') >= 0 or find(b"\\u00") >= 0:
        tokens_in += TOKENS_PER_IMAGE * len(_MEDIA.findall(exchange.request.body))
    if worst.long is not None and tokens_in > worst.above:
        worst = worst.long
    tokens_out = 0
    if exchange.operation.output_fields:
        tokens_out = (worst.output_limit if call.output_limit is None else call.output_limit) * call.choices
    cost = -(-(tokens_in * worst.input + tokens_out * worst.output) // MILLION) + worst.request
    return min(cost, LARGEST)


def _refusal(error: LimitExceeded, now: float, need: int, budget_status: int) -> ApiError:
    """Say which limit of whom, how much, and when it ends."""
    limit, grant = error.limit, error.grant
    # an id is a digest of the key: enough of it to recognise, none to look up
    kind, _, name = limit.entity.partition(":")
    entity = f"{kind}:{name[:8]}..." if kind == "key" and len(name) > 16 else limit.entity
    reset_s = max(0, round(grant.window_end - now)) if grant.window_end else None
    details: dict[str, Any] = {
        "entity": entity,
        "kind": limit.kind,
        "window": limit.window,
        "limit": limit.amount,
    }
    details["reset_at"] = int(grant.window_end) or None
    if limit.kind == "budget":
        details |= {
            "limit": limit.amount / NANO,
            "used": grant.used / NANO,
            "estimated_cost": need / NANO,
            "unit": "usd",
        }
        message = (
            f"Budget has been exceeded! {entity} Current cost: {format_usd(grant.used)}, "
            f"Estimated request cost: {format_usd(need)}, Max budget: {format_usd(limit.amount)}"
        )
        return ApiError(budget_status, "budget_exceeded", message, details=details)
    wait = 1 if reset_s is None else max(1, reset_s)
    message = (
        f"Rate limit exceeded for {entity}. Limit type: {limit.kind}. Current limit: {limit.amount}, "
        f"Remaining: {grant.remaining}." + (f" Limit resets in {reset_s} s." if reset_s is not None else "")
    )
    headers = [(b"retry-after", str(wait).encode()), (b"rate_limit_type", limit.kind.encode())]
    if grant.window_end:
        headers.append((b"reset_at", str(int(grant.window_end)).encode()))
    return ApiError(429, "throttling_error", message, details=details | {"retry_after_s": wait}, headers=tuple(headers))
