"""Looking at teams: one with all that belongs to it, and lists of those a caller reaches."""

from __future__ import annotations

from dataclasses import dataclass, replace

import sqlalchemy as sa

from phantom_gateway.control.entities.listing import Listing, Wanted
from phantom_gateway.control.keys.view import views
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.teams.changes import access_groups
from phantom_gateway.control.teams.service import existing, target_of
from phantom_gateway.control.teams.view import membership_views, team_views, without_members
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.keys import KeyFilter
from phantom_gateway.store.rows import Condition
from phantom_gateway.store.spend import lifetime
from phantom_gateway.store.tables import KEYS
from phantom_gateway.store.tenancy_tables import TEAM_MEMBERS, TEAMS
from phantom_gateway.store.tenants import JsonObject, TeamRow

MOST_KEYS = 1_000
"""With one team; ``/key/list?team_id=`` has all of them, page by page."""
LISTING = Listing(
    tenants.TEAMS,
    {
        "team_alias": TEAMS.c.alias,
        "team_id": TEAMS.c.id,
        "created_at": TEAMS.c.created_at,
        "updated_at": TEAMS.c.updated_at,
        "max_budget": TEAMS.c.max_budget_nano,
        "organization_id": TEAMS.c.org_id,
        "spend": lifetime("team", TEAMS.c.id),
    },
)
"""``/team/list`` and ``/v2/team/list``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TeamFilter:
    """What lists of teams may ask for; ``None`` does not filter."""

    user_id: str | None = None
    org_id: str | None = None
    team_id: str | None = None
    alias: str | None = None
    """Part of an alias."""
    search: str | None = None
    """Part of an alias, or the id."""
    prefix: bool = False
    """``search`` may also be the beginning of an id."""
    blocked: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Views:
    """What a caller sees: ``reach`` is its reach with ``team.read``, ``keys`` that with ``key.read``."""

    reach: Reach
    keys: Reach
    now: float

    def info(self, connection: sa.Connection, team_id: str, key_limit: int) -> tuple[JsonObject, int]:
        """A team as ``/team/info`` shows it, and its revision. Raises ApiError 404.

        Its administrators see everybody in it; its members see who is in it and themselves; a key that is only of the team
        sees the team.
        """
        row = existing(connection, team_id, self.reach)
        relation = self.reach.over(target_of(row))
        view = team_views(connection, [row], self.now)[0]
        mine: list[Condition] = [TEAM_MEMBERS.c.team_id == team_id]
        if relation is None or relation < Relation.MEMBER:
            view, mine = without_members(view), [sa.false()]
        elif relation is Relation.MEMBER:
            # The reach of team.read names teams, not the person; that of key.read names him.
            mine.append(TEAM_MEMBERS.c.user_id == self.keys.user_id if self.keys.user_id else sa.false())
        members = tenants.TEAM_MEMBERS.all(connection, *mine)
        return {
            "team_id": team_id,
            "team_info": view,
            "keys": self._keys(connection, team_id, key_limit),
            "team_memberships": membership_views(connection, row, members, self.now),
        }, row.revision

    def page(self, connection: sa.Connection, asked: TeamFilter, wanted: Wanted) -> tuple[int, list[TeamRow]]:
        """How many teams match, and those of a page."""
        # A key that is only of a team does not learn who is in it, by a filter neither.
        near = self.reach if asked.user_id is None else replace(self.reach, key_team=None)
        matching = [*_conditions(asked), near.where(team=TEAMS.c.id, org=TEAMS.c.org_id)]
        return LISTING.page(connection, matching, wanted)

    def listed(self, connection: sa.Connection, rows: list[TeamRow]) -> list[JsonObject]:
        """Teams of a list, with how many keys and members they have and, for who may see them, who the members are."""
        counted = _key_counts(connection, [row.id for row in rows])
        groups = access_groups(connection)
        found = []
        for row, view in zip(rows, team_views(connection, rows, self.now), strict=True):
            relation = self.reach.over(target_of(row))
            known = relation is not None and relation >= Relation.MEMBER
            models = [model for name in row.access_groups for model in groups.get(name, ())]
            found.append(
                {
                    **(view if known else without_members(view)),
                    "members_count": len(view["members"]),
                    "keys_count": counted.get(row.id, 0),
                    "access_group_models": list(dict.fromkeys(models)),
                    "access_group_mcp_server_ids": [],
                    "access_group_agent_ids": [],
                }
            )
        return found

    def _keys(self, connection: sa.Connection, team_id: str, limit: int) -> list[JsonObject]:
        visible = self.keys.where(user=KEYS.c.user_id, team=KEYS.c.team_id, org=KEYS.c.org_id, key=KEYS.c.id)
        wanted = KeyFilter(team_id=team_id, reach=(visible,))
        rows = keys.page(connection, wanted, ("created_at", True), (0, limit))
        return [{"token": row.id, **view} for row, view in zip(rows, views(connection, rows, self.now), strict=True)]


def _conditions(wanted: TeamFilter) -> list[Condition]:
    found: list[Condition] = []
    if wanted.user_id is not None:
        found.append(TEAMS.c.id.in_(sa.select(TEAM_MEMBERS.c.team_id).where(TEAM_MEMBERS.c.user_id == wanted.user_id)))
    if wanted.org_id is not None:
        found.append(TEAMS.c.org_id == wanted.org_id)
    if wanted.team_id is not None:
        found.append(TEAMS.c.id == wanted.team_id)
    if wanted.alias is not None:
        found.append(tenants.TEAMS.search(wanted.alias, "alias"))
    if wanted.search is not None:
        by_id = TEAMS.c.id.startswith(wanted.search, autoescape=True) if wanted.prefix else TEAMS.c.id == wanted.search
        found.append(sa.or_(tenants.TEAMS.search(wanted.search, "alias"), by_id))
    if wanted.blocked is not None:
        found.append(TEAMS.c.blocked == wanted.blocked)
    return found


def _key_counts(connection: sa.Connection, team_ids: list[str]) -> dict[str, int]:
    query = sa.select(KEYS.c.team_id, sa.func.count()).where(KEYS.c.team_id.in_(team_ids)).group_by(KEYS.c.team_id)
    return {row[0]: row[1] for row in connection.execute(query)}
