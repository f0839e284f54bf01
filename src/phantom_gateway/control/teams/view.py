"""Teams as LiteLLM shows them. Who is in one is stored in one place, so ``members_with_roles`` and the like are worked out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.budget_table import budget_table
from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.members import member_entity, with_defaults
from phantom_gateway.control.entities.people import emails
from phantom_gateway.control.entities.view import allowance_view, spends
from phantom_gateway.control.policy.actor import TEAM_ADMIN
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import JsonObject, TeamMemberRow, TeamRow

_NOT_YET: dict[str, Any] = {
    "router_settings": None,
    "model_id": None,
    "model_spend": {},
    "policies": [],
    "allow_team_guardrail_config": False,
    "object_permission": None,
    "object_permission_id": None,
}
"""Fields clients expect whose features are not there yet; setting them is refused (``teams.fields``)."""


def entity_of(row: TeamRow) -> Entity:
    """A team as somebody with an allowance."""
    return Entity(f"team:{row.id}", row)


def team_views(connection: sa.Connection, rows: Sequence[TeamRow], now: float) -> list[JsonObject]:
    """The rows with their spend and their members."""
    spent = spends(connection, [entity_of(row) for row in rows], now)
    members = tenants.TEAM_MEMBERS.of(connection, "team_id", [row.id for row in rows])
    addresses = emails(connection, [member.user_id for member in members])
    by_team: dict[str, list[JsonObject]] = defaultdict(list)
    for member in members:
        shown = {"user_id": member.user_id, "user_email": addresses.get(member.user_id), "role": member.role}
        by_team[member.team_id].append(shown)
    return [{**_view(row, now), **_members(by_team[row.id]), **spent[f"team:{row.id}"], **_NOT_YET} for row in rows]


def without_members(view: JsonObject) -> JsonObject:
    """A team for somebody who may know of it and not of the people in it."""
    return {**view, **_members([])}


def membership_views(
    connection: sa.Connection, team: TeamRow, members: Sequence[TeamMemberRow], now: float
) -> list[JsonObject]:
    """Members with their spend in the team and the limits that hold for them, the team's defaults included."""
    complete = [with_defaults(member, team) for member in members]
    spent = spends(connection, [member_entity(member) for member in complete], now)
    addresses = emails(connection, [member.user_id for member in members])
    found = []
    for member in complete:
        table = budget_table(member, now)
        of_member = spent[member_entity(member).name]
        found.append(
            {
                "user_id": member.user_id,
                "team_id": member.team_id,
                "role": member.role,
                "user_email": addresses.get(member.user_id),
                "budget_id": member.budget_id,
                "spend": of_member["spend"],
                "total_spend": of_member["total_spend"],
                "litellm_budget_table": table if limits(table) else None,
            }
        )
    return found


def limits(table: JsonObject) -> bool:
    """Whether a budget table limits anything."""
    return any(
        value not in (None, {}) for name, value in table.items() if name not in ("budget_reset_at", "created_at")
    )


def _members(members: list[JsonObject]) -> JsonObject:
    ids = [member["user_id"] for member in members]
    admins = [member["user_id"] for member in members if member["role"] == TEAM_ADMIN]
    return {"members": ids, "admins": admins, "members_with_roles": members}


def _view(row: TeamRow, now: float) -> JsonObject:
    defaults = row.member_defaults
    budget = defaults.get("max_budget_nano")
    return {
        **allowance_view(row, now),
        "team_id": row.id,
        "team_alias": row.alias,
        "organization_id": row.org_id,
        "tags": row.tags,
        "model_aliases": row.aliases,
        "litellm_model_table": {"model_aliases": row.aliases} if row.aliases else None,
        "access_group_ids": row.access_groups,
        "team_member_permissions": row.member_permissions,
        "team_member_budget": None if budget is None else nano_to_usd(budget),
        "team_member_budget_duration": defaults.get("budget_duration"),
        "team_member_rpm_limit": defaults.get("rpm_limit"),
        "team_member_tpm_limit": defaults.get("tpm_limit"),
        "default_team_member_models": defaults.get("models", []),
        "disable_global_guardrails": row.extra.get("disable_global_guardrails"),
    }
