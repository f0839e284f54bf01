"""What an attempt reserves of where it goes: rates, slots and budgets of the deployment and its provider, limits for a fallback's
model.

Taken when the deployment is chosen, given back when the attempt fails (but a request that was sent was sent), charged with the
request. These reservations are not in
the request's ``Opened``, which is older than the choice: should the process die, what was under way is billed to the key and
all above it, but not to the deployment.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from phantom_gateway.gateway.admit import counted_tokens, worst_case
from phantom_gateway.gateway.errors import ApiError, unavailable
from phantom_gateway.gateway.refusal import refusal
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.plan import amounts_for

if TYPE_CHECKING:
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Table, Target
    from phantom_gateway.limits.book import LeaseBook
    from phantom_gateway.spine.messages import Limit


async def reserve_aside(
    exchange: Exchange, target: Target, model: str, table: Table, book: LeaseBook
) -> ApiError | None:
    """Reserve for an attempt at ``target`` under the name ``model``; the refusal when there is no room for it."""
    accounting = exchange.accounting
    limits = limits_of(exchange, target, model, table)
    accounting.reserve_beside(None)
    if not limits:
        return None
    need = worst_case(exchange, target.worst(target.upstream_model(model)))
    tokens, now = counted_tokens(exchange, table), time.time()
    plan = book.plan(limits) if limits is target.limits else None
    try:
        reservation = None if plan is None else book.reserve(plan, tokens, need, now)
        accounting.reserve_beside(reservation or await book.take_all(limits, amounts_for(limits, tokens, need), now))
    except LimitExceeded as error:
        return refusal(error, now, need, table.snapshot.settings.budget_exceeded_status)
    except LimiterUnavailable:
        return unavailable("The limits of the deployment cannot be checked right now.", kind="limiter_unavailable")
    return None


def limits_of(exchange: Exchange, target: Target, model: str, table: Table) -> tuple[Limit, ...]:
    """What an attempt at ``target`` is bounded by beside the limits of the request itself."""
    key = exchange.principal
    by_model, reservations = key.model_limits, table.reservations
    if not exchange.fallbacks or not (by_model or reservations):
        return target.limits
    held = {limit.scope for limit in exchange.limits}
    group = target.deployment.group
    further = [limit for name in dict.fromkeys((model, group)) for limit in by_model.get(name, ())]
    if reservations is not None:
        further += reservations.limits(group, exchange.wishes.priority or key.priority)
    return (*target.limits, *[limit for limit in further if limit.scope not in held])
