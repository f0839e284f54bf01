"""Users as LiteLLM shows them: an allow-list of fields; what proves who one is is never among them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.view import allowance_view, spends
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.store.rows import Condition
from phantom_gateway.store.tables import KEYS
from phantom_gateway.store.tenancy_tables import ORGANIZATION_MEMBERS, ORGANIZATIONS, TEAM_MEMBERS, TEAMS
from phantom_gateway.store.tenants import UserRow

JsonObject = dict[str, Any]

_NOT_YET: JsonObject = {
    "model_spend": {},
    "allowed_cache_controls": [],
    "policies": [],
    "object_permission_id": None,
    "object_permission": None,
    "password_reset_required": False,
    "last_breach_check_at": None,
}
"""Fields clients expect whose features are not there yet; setting them is refused (``users.fields``)."""
_V2 = (
    "user_id", "user_email", "user_alias", "user_role", "spend", "max_budget", "budget_id", "tpm_limit", "rpm_limit", "models",
    "budget_duration", "budget_reset_at", "metadata", "created_at", "updated_at", "sso_user_id", "teams", "object_permission",
    "model_max_budget",
)  # fmt: skip


def entity_of(row: UserRow) -> Entity:
    """A user as somebody with an allowance."""
    return Entity(f"user:{row.id}", row)


def views(connection: sa.Connection, rows: Sequence[UserRow], now: float) -> list[JsonObject]:
    """The rows with their spend, teams and organisations, and the number of their keys."""
    ids = [row.id for row in rows]
    spent = spends(connection, [entity_of(row) for row in rows], now)
    teams = _grouped(connection, TEAM_MEMBERS.c.user_id, TEAM_MEMBERS.c.team_id, ids)
    orgs = _grouped(connection, ORGANIZATION_MEMBERS.c.user_id, ORGANIZATION_MEMBERS.c.org_id, ids)
    counts = _key_counts(connection, ids)
    return [
        {
            **_view(row, now),
            **spent[f"user:{row.id}"],
            "teams": teams.get(row.id, []),
            "organizations": orgs.get(row.id, []),
            "key_count": counts.get(row.id, 0),
        }
        for row in rows
    ]


def within(connection: sa.Connection, shown: list[JsonObject], reach: Reach) -> list[JsonObject]:
    """The views without the teams and organisations that the caller does not reach; of oneself one sees all."""
    if reach.everything:
        return shown
    teams = {name for view in shown for name in view["teams"]}
    orgs = {name for view in shown for name in view["organizations"]}
    near_teams = _near(connection, TEAMS.c.id, teams, reach.where(team=TEAMS.c.id, org=TEAMS.c.org_id))
    near_orgs = _near(connection, ORGANIZATIONS.c.id, orgs, reach.where(org=ORGANIZATIONS.c.id))
    return [
        view
        if view["user_id"] == reach.user_id
        else {
            **view,
            "teams": [name for name in view["teams"] if name in near_teams],
            "organizations": [name for name in view["organizations"] if name in near_orgs],
        }
        for view in shown
    ]


def flat(view: JsonObject) -> JsonObject:
    """What ``/v2/user/info`` shows of a view."""
    return {name: view.get(name) for name in _V2} | {"model_max_budget_usage": None}


def _view(row: UserRow, now: float) -> JsonObject:
    return {
        **_NOT_YET,
        **allowance_view(row, now),
        "user_id": row.id,
        "user_email": row.email,
        "user_alias": row.alias,
        "user_role": row.role,
        "sso_user_id": row.sso_user_id,
        "has_password": row.password_hash is not None,
        "agent_id": row.extra.get("agent_id"),
        "config": row.extra.get("config") or {},
        "permissions": row.extra.get("permissions") or {},
    }


def _near(connection: sa.Connection, column: sa.Column[Any], names: set[str], near: Condition) -> set[str]:
    found, listed = set[str](), sorted(names)
    for start in range(0, len(listed), 500):
        query = sa.select(column).where(column.in_(listed[start : start + 500]), near)
        found.update(connection.execute(query).scalars())
    return found


def _grouped(
    connection: sa.Connection, user: sa.Column[Any], other: sa.Column[Any], ids: Sequence[str]
) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for start in range(0, len(ids), 500):
        query = sa.select(user, other).where(user.in_(ids[start : start + 500])).order_by(user, other)
        for user_id, name in connection.execute(query):
            found.setdefault(user_id, []).append(name)
    return found


def _key_counts(connection: sa.Connection, ids: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(ids), 500):
        mine = KEYS.c.user_id.in_(ids[start : start + 500])
        query = sa.select(KEYS.c.user_id, sa.func.count()).where(mine).group_by(KEYS.c.user_id)
        found |= {row[0]: row[1] for row in connection.execute(query)}
    return found
