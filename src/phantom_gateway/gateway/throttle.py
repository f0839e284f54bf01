"""Keys that have spent their budget and go on, slowly: ``throttle_on_budget_exceeded``, as LiteLLM 1.106.2 means it.

The budget is kept by reservation up to its end; beyond it a request is admitted at a part of the key's own rates, which are limits
of their own, and what it costs is charged to the budget all the same. A key without rates has nothing to be slowed by, and is
refused. All other limits hold as ever.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from phantom_gateway.limits.errors import LimitExceeded
from phantom_gateway.limits.plan import amounts_for
from phantom_gateway.spine.messages import Limit

if TYPE_CHECKING:
    from phantom_gateway.limits.book import LeaseBook
    from phantom_gateway.limits.slices import Reservation
    from phantom_gateway.spine.messages import KeyRecord


async def take(
    book: LeaseBook, key: KeyRecord, limits: tuple[Limit, ...], part: float, request: tuple[int, int, float]
) -> Reservation:
    """Reserve what one request may use; ``request``: its tokens, its cost in nano-dollars, and the time.

    ``part`` of its rates is what a key has beyond its budget. Raises LimitExceeded and LimiterUnavailable.
    """
    try:
        return await book.take_planned(limits, *request)
    except LimitExceeded as error:
        if not part or error.limit.scope != key.throttled:
            raise
        slowed = _slowed(key, limits, part)
        if not slowed:
            raise
        owed = error.limit
    tokens, cost, now = request
    further = (*[limit for limit in limits if limit.scope != owed.scope], *slowed)
    return await book.take_owing(further, amounts_for(further, tokens, cost), owed, now)


def _slowed(key: KeyRecord, limits: tuple[Limit, ...], part: float) -> list[Limit]:
    own = f"key:{key.id}"
    entity = f"{own}/throttled"
    return [
        Limit(
            scope=f"{limit.kind}:{entity}:{limit.window}",
            kind=limit.kind,
            entity=entity,
            amount=max(1, math.floor(limit.amount * part)),
            window=limit.window,
        )
        for limit in limits
        if limit.entity == own and limit.kind in ("requests", "tokens") and limit.window == "60s"
    ]
