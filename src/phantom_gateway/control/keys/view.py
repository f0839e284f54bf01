"""Keys as LiteLLM shows them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.view import allowance_view, spends
from phantom_gateway.control.timestamps import iso
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.spend import key_entity

_NOT_YET: dict[str, Any] = {
    "model_spend": {},
    "budget_fallbacks": {},
    "allowed_cache_controls": [],
    "litellm_budget_table": None,
    "object_permission_id": None,
    "object_permission": None,
    "router_settings": None,
}
"""Fields clients expect whose features are not there yet; setting them is refused (``keys.fields``)."""

JsonObject = dict[str, Any]


def entity_of(row: KeyRow) -> Entity:
    """A key as somebody with an allowance."""
    return Entity(key_entity(row.id), row)


def views(connection: sa.Connection, rows: list[KeyRow], now: float) -> list[JsonObject]:
    """The rows with their spend, without ``token``."""
    spent = spends(connection, [entity_of(row) for row in rows], now)
    return [{**_view(row, now), **spent[key_entity(row.id)], **_NOT_YET} for row in rows]


def _view(row: KeyRow, now: float) -> JsonObject:
    rotates = row.rotation_s is not None
    return {
        **allowance_view(row, now),
        "key_name": row.key_name,
        "key_alias": row.alias,
        "expires": iso(row.expires),
        "aliases": row.aliases,
        "config": row.extra.get("config") or {},
        "permissions": row.extra.get("permissions") or {},
        "disable_global_guardrails": row.extra.get("disable_global_guardrails"),
        "user_id": row.user_id,
        "team_id": row.team_id,
        "org_id": row.org_id,
        "organization_id": row.org_id,
        "agent_id": row.extra.get("agent_id"),
        "project_id": row.project_id,
        "access_group_ids": row.access_groups,
        "tags": row.tags,
        "allowed_routes": row.allowed_routes,
        "key_type": row.key_type,
        "auto_rotate": rotates,
        "rotation_interval": f"{row.rotation_s}s" if rotates else None,
        "rotation_count": row.rotations,
        "last_rotation_at": iso(row.rotated_at),
        "key_rotation_at": iso((row.rotated_at or row.created_at) + row.rotation_s) if row.rotation_s else None,
    }
