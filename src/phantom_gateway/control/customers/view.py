"""Customers as LiteLLM shows them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity, completed
from phantom_gateway.control.entities.subjects import Kind
from phantom_gateway.control.entities.view import allowance_view, budget_table, budgets_by_id, spends
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import CustomerRow

JsonObject = dict[str, Any]


def views(connection: sa.Connection, rows: list[CustomerRow], now: float) -> list[JsonObject]:
    """The rows with their spend."""
    budgets = budgets_by_id(connection, rows)
    entities = [Entity(f"customer:{row.id}", completed(row, budgets.get(row.budget_id or ""))) for row in rows]
    spent = spends(connection, entities, now)
    return [
        {
            **allowance_view(row, now),
            **spent[f"customer:{row.id}"],
            "user_id": row.id,
            "alias": row.alias,
            "allowed_model_region": row.allowed_model_region,
            "default_model": row.default_model,
            "litellm_budget_table": budget_table(budgets.get(row.budget_id or ""), now),
            "object_permission_id": None,
            "object_permission": None,
        }
        for row in rows
    ]


def kind() -> Kind[CustomerRow]:
    """Customers, as ``SubjectService`` needs to know them."""
    return Kind("customer", tenants.CUSTOMERS, "user_id", ("alias", "allowed_model_region", "default_model"), views)
