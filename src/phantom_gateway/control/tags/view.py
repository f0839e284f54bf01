"""Tags as LiteLLM shows them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity, completed
from phantom_gateway.control.entities.subjects import Kind
from phantom_gateway.control.entities.view import allowance_view, budget_table, budgets_by_id, spends
from phantom_gateway.control.timestamps import iso
from phantom_gateway.store import tenants
from phantom_gateway.store.tables import TOTALS
from phantom_gateway.store.tenants import TagRow

JsonObject = dict[str, Any]
PREFIX = "tag:"
MOST_SEEN = 1000


def views(connection: sa.Connection, rows: list[TagRow], now: float) -> list[JsonObject]:
    """The rows with their spend."""
    budgets = budgets_by_id(connection, rows)
    spent = spends(
        connection, [Entity(f"tag:{row.id}", completed(row, budgets.get(row.budget_id or ""))) for row in rows], now
    )
    return [
        {
            **allowance_view(row, now),
            **spent[f"tag:{row.id}"],
            "name": row.id,
            "description": row.description,
            "model_info": {model: model for model in row.models},
            "litellm_budget_table": budget_table(budgets.get(row.budget_id or ""), now),
        }
        for row in rows
    ]


def seen(connection: sa.Connection, known: set[str], since: float | None, until: float | None) -> list[JsonObject]:
    """Tags that requests carried and nobody has made, with what they spent; at most 1,000, the latest first."""
    named = (TOTALS.c.entity >= PREFIX, TOTALS.c.entity < "tag;")
    query = sa.select(TOTALS).where(*named).order_by(TOTALS.c.last_active.desc()).limit(MOST_SEEN)
    if since is not None:
        query = query.where(TOTALS.c.last_active >= since)
    if until is not None:
        query = query.where(TOTALS.c.last_active < until)
    return [
        {
            "name": name,
            "description": "Seen in requests; without limits of its own.",
            "models": None,
            "model_info": None,
            "created_at": None,
            "updated_at": None,
            "last_active": iso(row.last_active),
        }
        for row in connection.execute(query)
        if (name := row.entity.removeprefix(PREFIX)) not in known
    ]


def kind() -> Kind[TagRow]:
    """Tags, as ``SubjectService`` needs to know them."""
    return Kind("tag", tenants.TAGS, "name", ("description",), views)
