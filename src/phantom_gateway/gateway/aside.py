"""What an attempt reserves of where it goes: budgets of the deployment and its provider, limits for a fallback's model.

Taken when the deployment is chosen, given back when the attempt fails, charged with the request. These reservations are not in
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
    """Reserve for an attempt at ``target`` under the name ``model``; the refusal when its budget is exhausted."""
    accounting = exchange.accounting
    limits = limits_of(exchange, target, model)
    accounting.reserve_beside(None)
    if not limits:
        return None
    need = worst_case(exchange, target.worst(target.upstream_model(model)))
    now = time.time()
    try:
        amounts = amounts_for(limits, counted_tokens(exchange, table), need)
        accounting.reserve_beside(await book.take_all(limits, amounts, now))
    except LimitExceeded as error:
        return refusal(error, now, need, table.snapshot.settings.budget_exceeded_status)
    except LimiterUnavailable:
        return unavailable("The limits of the deployment cannot be checked right now.", kind="limiter_unavailable")
    return None


def limits_of(exchange: Exchange, target: Target, model: str) -> tuple[Limit, ...]:
    """What an attempt at ``target`` is bounded by beside the limits of the request itself."""
    by_model = exchange.principal.model_limits
    if not exchange.fallbacks or not by_model:
        return target.limits
    held = {limit.scope for limit in exchange.limits}
    names = dict.fromkeys((model, target.deployment.group))
    further = [limit for name in names for limit in by_model.get(name, ()) if limit.scope not in held]
    return (*target.limits, *further)
