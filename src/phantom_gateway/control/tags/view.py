"""Tags as LiteLLM shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity, completed
from phantom_gateway.control.entities.listing import Wanted
from phantom_gateway.control.entities.subjects import Kind
from phantom_gateway.control.entities.view import allowance_view, budget_table, budgets_by_id, spends
from phantom_gateway.control.timestamps import iso
from phantom_gateway.store import tenants
from phantom_gateway.store.matching import contains
from phantom_gateway.store.tables import TOTALS
from phantom_gateway.store.tenancy_tables import TAGS
from phantom_gateway.store.tenants import TagRow

JsonObject = dict[str, Any]
PREFIX = "tag:"


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


@dataclass(frozen=True, slots=True)
class TagFilter:
    """What ``/tag/list`` may ask for. Times are Unix seconds and about tags that nobody has made."""

    search: str | None = None
    """Part of a name."""
    since: float | None = None
    until: float | None = None


def listed(connection: sa.Connection, asked: TagFilter, wanted: Wanted, now: float) -> tuple[int, list[JsonObject]]:
    """How many tags there are and those of a page: all that were made, and those that requests carried.

    By ``source`` those that were made come first, by name, then the others, the last used one first.
    """
    every = sa.union_all(_made(asked), _seen(asked)).subquery()
    column = every.c
    total = connection.execute(sa.select(sa.func.count()).select_from(every)).scalar_one()
    by = (column.seen, column.idle) if wanted.sort_by == "source" else (column[wanted.sort_by],)
    ordered = [each.desc() if wanted.descending else each.asc() for each in (*by, column.name)]
    if wanted.sort_by == "created_at":  # what is missing is less than anything
        ordered[0] = ordered[0].nulls_last() if wanted.descending else ordered[0].nulls_first()
    offset, limit = wanted.window
    rows = connection.execute(sa.select(every).order_by(*ordered).offset(offset).limit(limit)).all()
    made = tenants.TAGS.of(connection, "id", [row.name for row in rows if not row.seen])
    shown = {view["name"]: view for view in views(connection, made, now)}
    return int(total), [shown[row.name] if not row.seen else _seen_view(row.name, row.last_active) for row in rows]


def _made(asked: TagFilter) -> sa.Select[Any]:
    spent = TOTALS.c
    query = sa.select(
        TAGS.c.id.label("name"),
        sa.literal(0).label("seen"),
        sa.literal(0.0).label("idle"),
        TAGS.c.created_at,
        sa.func.coalesce(spent.amount_nano, 0).label("spend"),
        sa.func.coalesce(spent.last_active, 0.0).label("last_active"),
    ).select_from(TAGS.outerjoin(TOTALS, spent.entity == sa.literal(PREFIX) + TAGS.c.id))
    return query if asked.search is None else query.where(tenants.TAGS.search(asked.search, "id"))


def _seen(asked: TagFilter) -> sa.Select[Any]:
    spent = TOTALS.c
    name = sa.func.substr(spent.entity, len(PREFIX) + 1)
    query = sa.select(
        name, sa.literal(1), -spent.last_active, sa.cast(sa.null(), sa.Double), spent.amount_nano, spent.last_active
    ).where(
        spent.entity >= PREFIX,
        spent.entity < "tag;",
        ~sa.select(sa.literal(1)).where(TAGS.c.id == name).exists(),
    )
    if asked.since is not None:
        query = query.where(spent.last_active >= asked.since)
    if asked.until is not None:
        query = query.where(spent.last_active < asked.until)
    return query if asked.search is None else query.where(contains(name, asked.search))


def _seen_view(name: str, last_active: float) -> JsonObject:
    return {
        "name": name,
        "description": "Seen in requests; without limits of its own.",
        "models": None,
        "model_info": None,
        "created_at": None,
        "updated_at": None,
        "last_active": iso(last_active),
    }


def kind() -> Kind[TagRow]:
    """Tags, as ``SubjectService`` needs to know them."""
    return Kind("tag", tenants.TAGS, "name", ("description",), views)
