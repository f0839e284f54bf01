"""``/user/list`` and ``/user/info``: finding users and what is theirs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.keys.view import views as key_views
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.timestamps import iso
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.keys import KeyFilter
from phantom_gateway.store.rows import Condition
from phantom_gateway.store.spend import lifetime
from phantom_gateway.store.tables import KEYS
from phantom_gateway.store.tenancy_tables import ORGANIZATION_MEMBERS, TEAM_MEMBERS, TEAMS, USERS
from phantom_gateway.store.tenants import TeamRow, UserRow

JsonObject = dict[str, Any]
MAX_KEYS = 1000
"""Keys that ``/user/info`` shows; ``/key/list?user_id=`` pages through all of them."""

SORTABLE: dict[str, sa.ColumnElement[Any]] = {
    "created_at": USERS.c.created_at,
    "updated_at": USERS.c.updated_at,
    "user_id": USERS.c.id,
    "user_email": USERS.c.email,
    "user_alias": USERS.c.alias,
    "user_role": USERS.c.role,
    "spend": lifetime("user", USERS.c.id),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class UserFilter:
    """What ``/user/list`` may ask for; ``None`` does not filter. Ids come separated by commas."""

    role: str | None = None
    user_ids: str | None = None
    sso_user_ids: str | None = None
    user_email: str | None = None
    """Part of an address."""
    search: str | None = None
    """Part of an id, address or alias."""
    team: str | None = None
    organization_ids: str | None = None


def conditions(wanted: UserFilter, reach: Reach) -> list[Condition]:
    """The filter as SQL. Of teams and organisations out of ``reach`` one knows one's own membership only."""
    found: list[Condition] = []
    if wanted.role is not None:
        found.append(USERS.c.role == wanted.role)
    if wanted.user_ids is not None:
        found.append(USERS.c.id.in_(_split(wanted.user_ids)))
    if wanted.sso_user_ids is not None:
        found.append(USERS.c.sso_user_id.in_(_split(wanted.sso_user_ids)))
    if wanted.user_email is not None:
        found.append(tenants.USERS.search(wanted.user_email, "email"))
    if wanted.search is not None:
        found.append(tenants.USERS.search(wanted.search, "id", "email", "alias"))
    if wanted.team is not None:
        near = sa.select(TEAMS.c.id).where(reach.where(team=TEAMS.c.id, org=TEAMS.c.org_id))
        known = sa.or_(TEAM_MEMBERS.c.team_id.in_(near), TEAM_MEMBERS.c.user_id == reach.user_id)
        members = sa.select(TEAM_MEMBERS.c.user_id).where(TEAM_MEMBERS.c.team_id == wanted.team)
        found.append(USERS.c.id.in_(members if reach.everything else members.where(known)))
    if wanted.organization_ids is not None:
        orgs = _split(wanted.organization_ids)
        near_org = reach.where(org=ORGANIZATION_MEMBERS.c.org_id)
        known = sa.or_(near_org, ORGANIZATION_MEMBERS.c.user_id == reach.user_id)
        members = sa.select(ORGANIZATION_MEMBERS.c.user_id).where(ORGANIZATION_MEMBERS.c.org_id.in_(orgs))
        found.append(USERS.c.id.in_(members if reach.everything else members.where(known)))
    return found


def keys_of(connection: sa.Connection, user: UserRow, reach: Reach, now: float) -> list[JsonObject]:
    """The user's keys as far as the caller reaches them, newest first."""
    mine = reach.where(user=KEYS.c.user_id, team=KEYS.c.team_id, org=KEYS.c.org_id, key=KEYS.c.id)
    wanted = KeyFilter(user_id=user.id, reach=(mine,))
    rows = keys.page(connection, wanted, ("created_at", True), (0, MAX_KEYS))
    shown = key_views(connection, rows, now)
    return [{"token": row.id, **view} for row, view in zip(rows, shown, strict=True)]


def teams_of(connection: sa.Connection, user: UserRow, reach: Reach) -> list[JsonObject]:
    """The user's teams as far as the caller reaches them; one's own one reaches all."""
    members = sa.select(TEAM_MEMBERS.c.team_id).where(TEAM_MEMBERS.c.user_id == user.id)
    near = sa.true() if user.id == reach.user_id else reach.where(team=TEAMS.c.id, org=TEAMS.c.org_id)
    return [_team(row) for row in tenants.TEAMS.all(connection, TEAMS.c.id.in_(members), near)]


def _team(row: TeamRow) -> JsonObject:
    return {
        "team_id": row.id,
        "team_alias": row.alias,
        "organization_id": row.org_id,
        "models": row.models,
        "metadata": row.metadata,
        "blocked": row.blocked,
        "created_at": iso(row.created_at),
    }


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()][:500]
