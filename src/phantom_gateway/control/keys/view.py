"""Keys as LiteLLM shows them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity, completed
from phantom_gateway.control.entities.view import allowance_view, budget_table, budgets_by_id, spends
from phantom_gateway.control.keys.fields import TERMS
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import rollups, rotations, tenants
from phantom_gateway.store.keys import DeletedKeyRow, KeyRow
from phantom_gateway.store.rollups import Question
from phantom_gateway.store.rows import Condition
from phantom_gateway.store.spend import key_entity
from phantom_gateway.store.tenancy_tables import USERS

_NOT_YET: dict[str, Any] = {
    "object_permission_id": None,
    "object_permission": None,
}
"""Fields clients expect whose features are not there yet; setting them is refused (``keys.fields``)."""

JsonObject = dict[str, Any]


def entity_of(row: KeyRow) -> Entity:
    """A key as somebody with an allowance."""
    return Entity(key_entity(row.id), row)


def views(connection: sa.Connection, rows: Sequence[KeyRow], now: float) -> list[JsonObject]:
    """The rows with their spend, without ``token``."""
    budgets = budgets_by_id(connection, rows)
    entities = [Entity(key_entity(row.id), completed(row, budgets.get(row.budget_id or ""))) for row in rows]
    spent, by_model = spends(connection, entities, now), _model_spend(connection, rows, now)
    waiting = rotations.waiting(connection, [row.id for row in rows if row.rotations])
    return [
        {
            **_view(row, now),
            **spent[key_entity(row.id)],
            "model_spend": by_model.get(row.id, {}),
            "rotation_waiting": row.id in waiting,
            **_NOT_YET,
            "litellm_budget_table": budget_table(budgets.get(row.budget_id or ""), now),
        }
        for row in rows
    ]


def deleted_views(connection: sa.Connection, rows: Sequence[DeletedKeyRow], now: float) -> list[JsonObject]:
    """Tombstones, as they were, and who has deleted them when."""
    return [
        {
            "token": row.id,
            **view,
            "deleted_at": iso(row.deleted_at),
            "deleted_by": row.deleted_by,
            "id": f"{row.id}.{row.deleted_at}",
        }
        for row, view in zip(rows, views(connection, rows, now), strict=True)
    ]


def with_users(connection: sa.Connection, shown: list[JsonObject], near: Condition) -> list[JsonObject]:
    """The views with their users (``user``) and makers (``created_by_user``): those that are ``near``, a condition on users."""
    named = dict.fromkeys(view[name] for view in shown for name in ("user_id", "created_by") if view[name] is not None)
    users = {
        row.id: {"user_id": row.id, "user_email": row.email, "user_alias": row.alias}
        for row in tenants.USERS.all(connection, USERS.c.id.in_(list(named)), near)
    }
    return [
        {**view, "user": users.get(view["user_id"]), "created_by_user": users.get(view["created_by"])} for view in shown
    ]


def _model_spend(connection: sa.Connection, rows: Sequence[KeyRow], now: float) -> dict[str, dict[str, float]]:
    """By key and model group what was spent in its whole life, in dollars."""
    wanted = {"key_id": [row.id for row in rows]}
    question = Question(first=0, last=int(now) // 86_400 + 1, only=wanted)
    found: dict[str, dict[str, float]] = {}
    for each in rollups.costs(connection, question, ("key_id", "model_group")):
        key_id, model = each.group
        if model:  # a correction of a key is nobody's
            found.setdefault(key_id, {})[model] = nano_to_usd(each.metrics.cost_nano)
    return found


def _view(row: KeyRow, now: float) -> JsonObject:
    rotates = row.rotation_s is not None
    return {
        **allowance_view(row, now),
        "key_name": row.key_name,
        "key_alias": row.alias,
        "expires": iso(row.expires),
        "aliases": row.aliases,
        "config": row.extra.get("config") or {},
        "router_settings": row.extra.get("router_settings"),
        "budget_fallbacks": row.extra.get("budget_fallbacks") or {},
        "permissions": row.extra.get("permissions") or {},
        "disable_global_guardrails": row.extra.get("disable_global_guardrails"),
        "user_id": row.user_id,
        "team_id": row.team_id,
        "org_id": row.org_id,
        "organization_id": row.org_id,
        "agent_id": row.extra.get("agent_id"),
        **{name: row.extra.get(name) for name in TERMS},
        "allowed_cache_controls": row.extra.get("allowed_cache_controls") or [],
        "project_id": row.project_id,
        "access_group_ids": row.access_groups,
        "tags": row.tags,
        "allowed_routes": row.allowed_routes,
        "key_type": row.key_type,
        "auto_rotate": rotates,
        "rotation_interval": (row.extra.get("rotation_interval") or f"{row.rotation_s}s") if rotates else None,
        "rotation_count": row.rotations,
        "rotation_due": row.rotation_s is not None and (row.rotated_at or row.created_at) + row.rotation_s <= now,
        "last_rotation_at": iso(row.rotated_at),
        "key_rotation_at": iso((row.rotated_at or row.created_at) + row.rotation_s) if row.rotation_s else None,
    }
