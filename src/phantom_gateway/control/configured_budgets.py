"""Budgets of the configuration as the control plane sees them: what they have spent, also before they were written down."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import window_of
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.limits import configured
from phantom_gateway.spine.messages import Limit
from phantom_gateway.spine.snapshot import Snapshot
from phantom_gateway.store import spend
from phantom_gateway.store.spend import WindowSpend
from phantom_gateway.store.tables import REQUESTS

JsonObject = dict[str, Any]


def seed_configured(connection: sa.Connection, limits: Iterable[Limit], master: str, now: float) -> list[WindowSpend]:
    """Give budgets without any spend in their present window what the spend log says; ``master`` is the master key's id."""
    budgets = {(limit.scope, window_of(limit, now)[0]): limit.entity for limit in limits}
    known = spend.of_windows(connection, list(budgets))
    return [
        spend.seed(connection, _of(entity, master), scope, start)
        for (scope, start), entity in budgets.items()
        if (scope, start) not in known
    ]


def by_entity(snapshot: Snapshot, master: str) -> dict[str, tuple[Limit, ...]]:
    """The budgets that requests know when they are admitted, by the entity that ``control.strays`` charges for them."""
    found = {
        configured.GATEWAY: tuple([each for each in configured.of_gateway(snapshot) if each.kind == "budget"]),
        f"key:{master}": configured.of_master_key(snapshot),
    }
    return {entity: limits for entity, limits in found.items() if limits}


def _of(entity: str, master: str) -> tuple[sa.ColumnElement[bool], ...]:
    """Which rows of the spend log count for an entity of the configuration."""
    if entity == configured.GATEWAY:
        return ()
    if entity == configured.MASTER_KEY:
        return (REQUESTS.c.key_id == master,)
    kind, _, name = entity.partition(":")
    return ((REQUESTS.c.provider if kind == "provider" else REQUESTS.c.deployment_id) == name,)


def provider_budgets(connection: sa.Connection, snapshot: Snapshot, now: float) -> JsonObject:
    """``/provider/budgets`` in LiteLLM's shape."""
    found = {}
    for provider, budget in snapshot.routing.provider_budgets.items():
        limit = configured.budget_limit(f"provider:{provider}", budget)
        start, end = window_of(limit, now)
        found[provider] = {
            "budget_limit": nano_to_usd(budget.amount),
            "time_period": budget.window or None,
            "spend": nano_to_usd(spend.of_window(connection, limit.scope, start)),
            "budget_reset_at": iso(end) if budget.window else None,
        }
    return {"providers": found}
