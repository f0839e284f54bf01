"""Budgets that are new on somebody who has spent before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeVar, cast

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity, budgets_of, completed, model_limits_of, window_of
from phantom_gateway.control.errors import not_found
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import spend, tenants
from phantom_gateway.store.spend import WindowSpend
from phantom_gateway.store.tenants import Allowance

A = TypeVar("A", bound=Allowance)


def complete(connection: sa.Connection, own: A) -> A:
    """An allowance with the limits of the budget it refers to."""
    if own.budget_id is None:
        return own
    return cast(A, completed(own, tenants.BUDGETS.get(connection, own.budget_id)))


def require_budget(connection: sa.Connection, budget_id: str | None, param: str = "budget_id") -> None:
    """Refuse to refer to a budget that is not there: limits that nobody has made would hold nobody. Raises ApiError 404."""
    if budget_id is not None and tenants.BUDGETS.get(connection, budget_id) is None:
        raise not_found("No such budget.", param)


def past_of(connection: sa.Connection, entity: Entity, before: Allowance | None, now: float) -> list[WindowSpend]:
    """Have every budget of ``entity`` that ``before`` had not start with what its present window has already seen.

    ``before`` is the allowance before the change, ``None`` when there was none; both completed with the budget they refer
    to. The result belongs into ``Effects.spent``.
    """
    known = set() if before is None else {limit.scope for limit in _budgets(Entity(entity.name, before), now)}
    return [
        spend.seed(connection, spend.rows_of(limit.entity), limit.scope, window_of(limit, now)[0])
        for limit in _budgets(entity, now)
        if limit.scope not in known
    ]


def _budgets(entity: Entity, now: float) -> Iterator[Limit]:
    yield from budgets_of(entity, now)
    for limits in model_limits_of(entity).values():
        yield from (limit for limit in limits if limit.kind == "budget")
