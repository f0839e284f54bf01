"""Organisations as LiteLLM shows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import sqlalchemy as sa

from phantom_gateway.control.entities.budget_table import budget_table, is_limited, table_of
from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.people import identities
from phantom_gateway.control.entities.view import allowance_view, spends
from phantom_gateway.control.timestamps import iso
from phantom_gateway.store import tenants
from phantom_gateway.store.tenancy_tables import TEAMS
from phantom_gateway.store.tenants import JsonObject, OrganizationMemberRow, OrganizationRow


def entity_of(row: OrganizationRow) -> Entity:
    """An organisation as somebody with an allowance."""
    return Entity(f"org:{row.id}", row)


def member_entity(row: OrganizationMemberRow) -> Entity:
    """A member of an organisation as somebody with an allowance."""
    return Entity(f"org_member:{row.org_id}/{row.user_id}", row)


def organization_views(connection: sa.Connection, rows: Sequence[OrganizationRow], now: float) -> list[JsonObject]:
    """The rows with their spend, members and teams."""
    ids = [row.id for row in rows]
    spent = spends(connection, [entity_of(row) for row in rows], now)
    members: dict[str, list[JsonObject]] = defaultdict(list)
    for view in membership_views(connection, tenants.ORGANIZATION_MEMBERS.of(connection, "org_id", ids), now):
        members[view["organization_id"]].append(view)
    teams = _teams(connection, ids)
    return [
        {**_view(row, now), **spent[f"org:{row.id}"], "members": members[row.id], "teams": teams[row.id]}
        for row in rows
    ]


def for_member(view: JsonObject, user_id: str | None) -> JsonObject:
    """An organisation for somebody in it who does not administer it: himself and no one else."""
    own = [member for member in view["members"] if member["user_id"] == user_id]
    return {**view, "members": own, "teams": []}


def membership_views(connection: sa.Connection, rows: Sequence[OrganizationMemberRow], now: float) -> list[JsonObject]:
    """Members with who they are, their spend and their limits in the organisation."""
    spent = spends(connection, [member_entity(row) for row in rows], now)
    people = identities(connection, [row.user_id for row in rows])
    found = []
    for row in rows:
        person = people.get(row.user_id)
        found.append(
            {
                "user_id": row.user_id,
                "organization_id": row.org_id,
                "user_role": row.role,
                "spend": spent[member_entity(row).name]["spend"],
                "budget_id": row.budget_id,
                "created_at": iso(row.created_at),
                "updated_at": iso(row.updated_at),
                "user": person,
                "user_email": None if person is None else person["user_email"],
                "litellm_budget_table": budget_table(row, now) if is_limited(row) else None,
            }
        )
    return found


def _teams(connection: sa.Connection, org_ids: Sequence[str]) -> dict[str, list[JsonObject]]:
    query = sa.select(TEAMS.c.id, TEAMS.c.alias, TEAMS.c.org_id).where(TEAMS.c.org_id.in_(org_ids)).order_by(TEAMS.c.id)
    found: dict[str, list[JsonObject]] = defaultdict(list)
    for row in connection.execute(query):
        found[row.org_id].append({"team_id": row.id, "team_alias": row.alias, "organization_id": row.org_id})
    return found


def _view(row: OrganizationRow, now: float) -> JsonObject:
    allowance = allowance_view(row, now)
    return {
        **allowance,
        "organization_id": row.id,
        "organization_alias": row.alias,
        "litellm_budget_table": table_of(allowance),
        "model_spend": {},
        "users": None,
        "object_permission": None,
        "object_permission_id": None,
    }
