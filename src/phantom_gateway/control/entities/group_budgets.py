"""Budgets of access groups, as limits of the models in them."""

from __future__ import annotations

from collections.abc import Iterable

from phantom_gateway.spine.messages import Limit
from phantom_gateway.store.tenants import AccessGroupRow

AMOUNT = "max_budget_nano"
DURATION = "budget_duration"
"""Where ``extra`` of a group has its budget."""


def limit_of(row: AccessGroupRow) -> Limit | None:
    """The budget of a group, if it has one. Its counter goes with the group's id: a name may change."""
    amount = row.extra.get(AMOUNT)
    if amount is None:
        return None
    entity, window = f"access_group:{row.id}", row.extra.get(DURATION) or ""
    return Limit(scope=f"budget:{entity}:{window}", kind="budget", entity=entity, amount=amount, window=window)


def limits_by_model(rows: Iterable[AccessGroupRow]) -> dict[str, tuple[Limit, ...]]:
    """What each model is bounded by through the groups it is in."""
    found: dict[str, tuple[Limit, ...]] = {}
    for row in rows:
        limit = limit_of(row)
        if limit is not None:
            for model in dict.fromkeys(row.models):
                found[model] = (*found.get(model, ()), limit)
    return found
