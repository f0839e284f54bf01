"""Projects as LiteLLM shows them."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from phantom_gateway.control.entities.budget_table import table_of
from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.view import allowance_view, spends
from phantom_gateway.store.tenants import JsonObject, ProjectRow


def entity_of(row: ProjectRow) -> Entity:
    """A project as somebody with an allowance."""
    return Entity(f"project:{row.id}", row)


def project_views(connection: sa.Connection, rows: Sequence[ProjectRow], now: float) -> list[JsonObject]:
    """The rows with their spend."""
    spent = spends(connection, [entity_of(row) for row in rows], now)
    return [{**_view(row, now), **spent[f"project:{row.id}"]} for row in rows]


def _view(row: ProjectRow, now: float) -> JsonObject:
    allowance = allowance_view(row, now)
    return {
        **allowance,
        "project_id": row.id,
        "project_alias": row.alias,
        "description": row.description,
        "team_id": row.team_id,
        "tags": row.tags,
        "litellm_budget_table": table_of(allowance),
        "model_spend": {},
        "object_permission": None,
        "object_permission_id": None,
    }
