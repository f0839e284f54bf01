"""What counts as spent of a budget that is new on an entity which has already spent: what the spend log says.

Without it a change of a budget's window would hand out the whole budget once more.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity, budgets_of, model_limits_of, window_of
from phantom_gateway.control.entities.past import complete
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import spend
from phantom_gateway.store.rows import Condition
from phantom_gateway.store.spend import WindowSpend
from phantom_gateway.store.tables import REQUESTS


def seeded(
    connection: sa.Connection, before: Entity | None, after: Entity, log: Sequence[Condition], now: float
) -> Iterator[WindowSpend]:
    """The spend of the budgets that ``after`` has and ``before`` has not; ``log`` are conditions on the rows of ``requests``.

    For ``Effects.spent``.
    """
    known = {limit.scope for limit, _ in _budgets(_complete(connection, before), now)} if before else set()
    for limit, narrowed in _budgets(_complete(connection, after), now):
        if limit.scope not in known:
            yield spend.seed(connection, [*log, *narrowed], limit.scope, window_of(limit, now)[0])


def reset(connection: sa.Connection, entity: Entity, amount_nano: int, now: float) -> list[WindowSpend]:
    """Have no budget of ``entity`` count more than ``amount_nano`` as spent in its present window. For ``Effects.spent``."""
    found = []
    for limit in budgets_of(entity, now):
        start = window_of(limit, now)[0]
        left = min(amount_nano, spend.of_window(connection, limit.scope, start))
        found.append(spend.put_window(connection, limit.scope, start, left))
    return found


def _complete(connection: sa.Connection, entity: Entity) -> Entity:
    return Entity(entity.name, complete(connection, entity.allowance))


def _budgets(entity: Entity, now: float) -> Iterator[tuple[Limit, list[Condition]]]:
    """Every budget, with what narrows the log to what counts for it."""
    for limit in budgets_of(entity, now):
        yield limit, []
    for model, limits in model_limits_of(entity).items():
        for limit in limits:
            if limit.kind == "budget":
                yield limit, [REQUESTS.c.model_group == model]
