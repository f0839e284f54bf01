"""How far an actor reaches with an action: a set of organisations, teams and people, as a test and as a condition in SQL.

Handlers never look at roles. They ask ``Reach.covers`` for a thing they have found, and put ``Reach.where`` into every query
that lists things. A thing out of reach is answered like one that is not there (404).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.actor import ADMIN, GLOBAL_VIEWER, USER, VIEWER, Actor
from phantom_gateway.control.policy.table import TABLE, WHOLE, Relation
from phantom_gateway.store.rows import Condition
from phantom_gateway.store.tenancy_tables import ORGANIZATION_MEMBERS, TEAM_MEMBERS, TEAMS

MEMBER_ROUTES = {
    Action.KEY_CREATE: ("/key/generate", "/key/service-account/generate"),
    Action.KEY_READ: ("/key/info", "/key/list"),
    Action.KEY_UPDATE: ("/key/update",),
    Action.KEY_DELETE: ("/key/delete",),
    Action.KEY_BLOCK: ("/key/block", "/key/unblock"),
    Action.KEY_REGENERATE: ("/key/regenerate", "/key/{key}/regenerate"),
}
"""A team's ``member_permissions`` name routes, as in LiteLLM; these are the actions they stand for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What an action touches, by whom it belongs to."""

    user_id: str | None = None
    team_id: str | None = None
    org_id: str | None = None
    """Also the organisation of the team."""
    key_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """See the module's text. ``None`` and empty sets reach nothing."""

    relation: Relation | None = None
    """ADMIN or GLOBAL_VIEWER when everything is in reach."""
    orgs: frozenset[str] = frozenset()
    teams: frozenset[str] = frozenset()
    """Teams administered."""
    member_teams: frozenset[str] = frozenset()
    """Teams reached as a plain member."""
    member_orgs: frozenset[str] = frozenset()
    """Organisations reached as a plain member: they themselves, not what belongs to them."""
    user: Relation | None = None
    user_id: str | None = None
    key_id: str | None = None
    key_team: str | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is out of reach."""
        return self.relation is not None

    @property
    def nothing(self) -> bool:
        """Whether everything is out of reach."""
        some = self.orgs or self.teams or self.member_teams or self.member_orgs
        return not (self.everything or some or self.user_id or self.key_id)

    def over(self, target: Target) -> Relation | None:
        """The strongest relation in which the caller may do this to ``target``; ``None`` = out of reach."""
        if self.relation is not None:
            return self.relation
        if target.org_id is not None and target.org_id in self.orgs:
            return Relation.ORG_ADMIN
        if target.team_id is not None:
            if target.team_id in self.teams:
                return Relation.TEAM_ADMIN
            if target.team_id in self.member_teams:
                return Relation.MEMBER
        elif target.org_id is not None and target.org_id in self.member_orgs:
            return Relation.MEMBER
        if self.user_id is not None and target.user_id == self.user_id:
            return self.user
        if self.key_id is not None and self.key_id == target.key_id:
            return Relation.KEY
        if self.key_team is not None and target.team_id == self.key_team:
            return Relation.KEY
        return None

    def covers(self, target: Target) -> bool:
        """Whether the caller may do this to ``target``."""
        return self.over(target) is not None

    def may_place(self, target: Target) -> bool:
        """Whether the caller may make something that belongs to all that ``target`` names: a single foreign name refuses it."""
        if self.everything:
            return True
        if target.org_id is not None and target.org_id in self.orgs:
            return True
        if target.team_id is not None:
            administered = target.team_id in self.teams
            own = target.team_id in self.member_teams and target.user_id in (None, self.user_id)
            return administered or own
        return target.org_id is None and self.user_id is not None and target.user_id == self.user_id

    def where(
        self,
        *,
        user: sa.ColumnElement[Any] | None = None,
        team: sa.ColumnElement[Any] | None = None,
        org: sa.ColumnElement[Any] | None = None,
        key: sa.ColumnElement[Any] | None = None,
    ) -> Condition:
        """The same as a condition on the columns that say whom a row belongs to."""
        if self.everything:
            return sa.true()
        any_of: list[Condition] = []
        if org is not None and self.orgs:
            any_of.append(org.in_(self.orgs))
        if org is not None and team is None and self.member_orgs:
            any_of.append(org.in_(self.member_orgs))
        if team is not None:
            if self.orgs:
                any_of.append(team.in_(sa.select(TEAMS.c.id).where(TEAMS.c.org_id.in_(self.orgs))))
            if self.teams or self.member_teams:
                any_of.append(team.in_(self.teams | self.member_teams))
            if self.key_team is not None:
                any_of.append(team == self.key_team)
        if user is not None and self.user_id is not None:
            any_of.append(user == self.user_id)
        if key is not None and self.key_id is not None:
            any_of.append(key == self.key_id)
        return sa.or_(*any_of) if any_of else sa.false()

    def where_users(self, user: sa.ColumnElement[Any]) -> Condition:
        """A condition on users: oneself, and the members of what one administers."""
        if self.everything:
            return sa.true()
        any_of: list[Condition] = [] if self.user_id is None else [user == self.user_id]
        members = sa.select(TEAM_MEMBERS.c.user_id)
        if self.teams:
            any_of.append(user.in_(members.where(TEAM_MEMBERS.c.team_id.in_(self.teams))))
        if self.orgs:
            teams = sa.select(TEAMS.c.id).where(TEAMS.c.org_id.in_(self.orgs))
            any_of.append(user.in_(members.where(TEAM_MEMBERS.c.team_id.in_(teams))))
            of_orgs = sa.select(ORGANIZATION_MEMBERS.c.user_id).where(ORGANIZATION_MEMBERS.c.org_id.in_(self.orgs))
            any_of.append(user.in_(of_orgs))
        return sa.or_(*any_of) if any_of else sa.false()


def reach(actor: Actor, action: Action) -> Reach:
    """How far ``actor`` reaches with ``action``."""
    granted = TABLE[action]
    if actor.role == ADMIN and Relation.ADMIN in granted:
        return Reach(relation=Relation.ADMIN)
    if actor.role == GLOBAL_VIEWER and Relation.GLOBAL_VIEWER in granted:
        return Reach(relation=Relation.GLOBAL_VIEWER)
    custom = actor.grants.get(action.value)
    if custom == "all":
        return Reach(relation=Relation.ADMIN)
    if action in WHOLE:
        return Reach()
    member = Relation.MEMBER in granted or custom == "team"
    own = {USER: Relation.USER, VIEWER: Relation.VIEWER, GLOBAL_VIEWER: Relation.VIEWER}.get(actor.role)
    if custom is not None:
        own = Relation.USER
    mine = own is not None and (own in granted or custom is not None)
    return Reach(
        orgs=(actor.orgs_administered if Relation.ORG_ADMIN in granted else frozenset())
        | (actor.orgs if custom == "org" else frozenset()),
        teams=actor.teams_administered if Relation.TEAM_ADMIN in granted else frozenset(),
        member_teams=actor.teams if member else _permitted(actor, action),
        member_orgs=actor.orgs if Relation.MEMBER in granted and action is Action.ORG_READ else frozenset(),
        user=own if mine else None,
        user_id=actor.user_id if mine else None,
        key_id=actor.key_id if Relation.KEY in granted else None,
        key_team=actor.key_team if Relation.KEY in granted and action is Action.TEAM_READ else None,
    )


def _permitted(actor: Actor, action: Action) -> frozenset[str]:
    routes = MEMBER_ROUTES.get(action, ())
    return frozenset(team for team, permitted in actor.member_permissions.items() if not permitted.isdisjoint(routes))
