"""A caller as the policy sees it: a role, and the memberships it acts by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import sqlalchemy as sa

from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import tenants
from phantom_gateway.store.tenancy_tables import ORGANIZATION_MEMBERS, TEAM_MEMBERS, TEAMS

ADMIN = "proxy_admin"
GLOBAL_VIEWER = "proxy_admin_viewer"
USER = "internal_user"
VIEWER = "internal_user_viewer"
ORG_ADMIN = "org_admin"
TEAM_ADMIN = "admin"
BUILT_IN_ROLES = (ADMIN, GLOBAL_VIEWER, USER, VIEWER)
"""Roles of internal users; others are custom roles in the table ``roles``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Made by ``load_actor`` only."""

    key_id: str
    key_team: str | None = None
    """The team of the calling key."""
    user_id: str | None = None
    role: str = ""
    """Empty for a key that belongs to no internal user: it reaches itself only."""
    orgs_administered: frozenset[str] = frozenset()
    orgs: frozenset[str] = frozenset()
    teams_administered: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    """Teams of which the caller is a member, those it administers included."""
    member_permissions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By team: routes of ``/key/*`` that its plain members may use."""
    grants: Mapping[str, str] = field(default_factory=dict)
    """Of a custom role: action to reach."""


def load_actor(connection: sa.Connection, key: KeyRecord) -> Actor:
    """The actor behind a key."""
    if key.kind == "master" or (key.kind == "session" and key.user_id is None):
        return Actor(key_id=key.id, role=ADMIN)
    if key.key_type == "llm_api":
        return Actor(key_id=key.id, key_team=key.team_id)  # whoever holds it may look at itself
    user = None if key.user_id is None else tenants.USERS.get(connection, key.user_id)
    if user is None:
        return Actor(key_id=key.id, key_team=key.team_id)
    memberships = connection.execute(
        sa.select(TEAM_MEMBERS.c.team_id, TEAM_MEMBERS.c.role, TEAMS.c.member_permissions)
        .join(TEAMS, TEAMS.c.id == TEAM_MEMBERS.c.team_id)
        .where(TEAM_MEMBERS.c.user_id == user.id)
    ).all()
    orgs = connection.execute(
        sa.select(ORGANIZATION_MEMBERS.c.org_id, ORGANIZATION_MEMBERS.c.role).where(
            ORGANIZATION_MEMBERS.c.user_id == user.id
        )
    ).all()
    custom = None if user.role in BUILT_IN_ROLES else tenants.ROLES.get(connection, user.role)
    return Actor(
        key_id=key.id,
        key_team=key.team_id,
        user_id=user.id,
        role=user.role,
        orgs_administered=frozenset(row.org_id for row in orgs if row.role == ORG_ADMIN),
        orgs=frozenset(row.org_id for row in orgs),
        teams_administered=frozenset(row.team_id for row in memberships if row.role == TEAM_ADMIN),
        teams=frozenset(row.team_id for row in memberships),
        member_permissions={row.team_id: frozenset(row.member_permissions) for row in memberships},
        grants=custom.grants if custom else {},
    )
