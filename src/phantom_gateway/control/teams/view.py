"""Teams as LiteLLM shows them. Who is in one is stored in one place, so ``members_with_roles`` and the like are worked out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.budget_table import budget_table, is_limited
from phantom_gateway.control.entities.fields import EXPECTATIONS, PASSAGES
from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.members import member_entity, with_defaults
from phantom_gateway.control.entities.people import emails
from phantom_gateway.control.entities.view import allowance_view, spends
from phantom_gateway.control.policy.actor import TEAM_ADMIN
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store.tenancy_tables import TEAM_MEMBERS, USERS
from phantom_gateway.store.tenants import JsonObject, TeamMemberRow, TeamRow

_CHUNK = 500
_NOT_YET: dict[str, Any] = {
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
    by_team = _people(connection, [row.id for row in rows])
    return [{**_view(row, now), **_members(by_team[row.id]), **spent[f"team:{row.id}"], **_NOT_YET} for row in rows]


def _people(connection: sa.Connection, team_ids: Sequence[str]) -> dict[str, list[JsonObject]]:
    """Who is in which team. Of members no more is read than is shown: a page of teams has thousands of them."""
    found: dict[str, list[JsonObject]] = defaultdict(list)
    members = TEAM_MEMBERS.c
    query = sa.select(members.team_id, members.user_id, members.role, USERS.c.email)
    query = query.select_from(TEAM_MEMBERS.outerjoin(USERS, USERS.c.id == members.user_id))
    for start in range(0, len(team_ids), _CHUNK):
        wanted = members.team_id.in_(team_ids[start : start + _CHUNK])
        rows = connection.execute(query.where(wanted).order_by(members.team_id, members.user_id)).all()
        for team, user, role, email in rows:
            found[team].append({"user_id": user, "user_email": email, "role": role})
    return found


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
                "litellm_budget_table": budget_table(member, now) if is_limited(member) else None,
            }
        )
    return found


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
        **{name: row.extra.get(name) for name in ("router_settings", *EXPECTATIONS, *PASSAGES)},
        "disable_global_guardrails": row.extra.get("disable_global_guardrails"),
    }
