"""Where a new user belongs: teams and organisations, checked against what the caller reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.entities.giving import Giver
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import Reach, Target
from phantom_gateway.control.users.fields import UserNew, UserTeam
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import OrganizationMemberRow, TeamMemberRow, UserRow


@dataclass(frozen=True, slots=True)
class Places:
    """Teams and organisations of a new user."""

    teams: tuple[UserTeam, ...]
    orgs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Placer:
    """Who puts people into places: ``reach`` with ``user.create``, and what he may give."""

    reach: Reach
    giver: Giver

    def check_organization(self, connection: sa.Connection, org_id: str) -> None:
        """Raises ApiError 404 for an organisation whose members are not the caller's business."""
        row, target = tenants.ORGANIZATIONS.get(connection, org_id), Target(org_id=org_id)
        mine = org_id in self.reach.orgs or self.giver.reach(Action.ORG_MEMBERS).covers(target)
        if row is None or not mine:
            raise not_found("There is no such organization.", "organizations")

    def check_team(self, connection: sa.Connection, team: UserTeam) -> None:
        """The same for a team (404), and what he will be able to do there (403)."""
        row = tenants.TEAMS.get(connection, team.team_id)
        members = self.giver.reach(Action.TEAM_MEMBERS)
        if row is None or not members.covers(Target(team_id=row.id, org_id=row.org_id)):
            raise not_found("There is no such team.", "teams")
        self.giver.check_member(row, team.user_role, "teams")


def places_of(connection: sa.Connection, fields: UserNew, defaults: tuple[str, ...], placer: Placer) -> Places:
    """Those that are asked for, or the configuration's teams. Raises ApiError 400, 403, 404.

    Who does not reach everything makes people in his own organisations only.
    """
    orgs = tuple(dict.fromkeys(fields.organizations or ()))
    for org_id in orgs:
        placer.check_organization(connection, org_id)
    if not placer.reach.everything and not orgs:
        raise bad_field("organizations", "name an organization that you administer")
    asked = [UserTeam(team_id=team) if isinstance(team, str) else team for team in fields.teams or ()]
    for team in asked:
        placer.check_team(connection, team)
    if fields.teams is None and placer.reach.everything:
        known_teams = {row.id for row in tenants.TEAMS.of(connection, "id", defaults)}
        asked = [UserTeam(team_id=team_id) for team_id in defaults if team_id in known_teams]
    return Places(tuple({team.team_id: team for team in asked}.values()), orgs)


def join(connection: sa.Connection, user: UserRow, places: Places) -> None:
    """Make the user a member."""
    stamps: dict[str, Any] = {
        "created_at": user.created_at,
        "created_by": user.created_by,
        "updated_at": user.created_at,
        "updated_by": user.created_by,
    }
    for org_id in places.orgs:
        member = OrganizationMemberRow(org_id=org_id, user_id=user.id, role="internal_user", **stamps)
        tenants.ORGANIZATION_MEMBERS.insert(connection, member)
    for team in places.teams:
        budget = None if team.max_budget_in_team is None else usd_to_nano(team.max_budget_in_team)
        row = TeamMemberRow(
            team_id=team.team_id, user_id=user.id, role=team.user_role, max_budget_nano=budget, **stamps
        )
        tenants.TEAM_MEMBERS.insert(connection, row)
