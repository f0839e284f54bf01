"""``/team/*`` but a team's members: what teams are, what they may use, what their members may do."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import tenants as answers
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.fields import Name
from phantom_gateway.control.entities.listing import MOST, PageNumber, PageSize, SortOrder, Wanted, tell_total
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import reach
from phantom_gateway.control.routers.team_members import people_of
from phantom_gateway.control.teams import reading
from phantom_gateway.control.teams.changes import AVAILABLE_PERMISSIONS
from phantom_gateway.control.teams.fields import (
    ManyTeamPermissions,
    TeamDelete,
    TeamModels,
    TeamNew,
    TeamPatch,
    TeamPermissions,
    TeamReference,
    TeamUpdate,
)
from phantom_gateway.control.teams.reading import MOST_KEYS, TeamFilter
from phantom_gateway.control.teams.service import TeamService, existing

JsonObject = dict[str, Any]
Id = Annotated[str | None, Query(min_length=1, max_length=255)]
SortBy = Literal["team_alias", "team_id", "created_at", "updated_at", "max_budget", "organization_id", "spend"]


def router() -> APIRouter:
    """The routes. Those with a name in their path come last, so that no name is taken for an id."""
    routes = APIRouter(tags=["teams"])
    route(routes, "POST", "/team/new", Action.TEAM_CREATE, create, answer=answers.TeamView, tagged=True)
    route(routes, "POST", "/team/update", Action.TEAM_UPDATE, update, answer=answers.TeamChanged)
    route(routes, "POST", "/team/delete", Action.TEAM_DELETE, delete, answer=answers.TeamsDeleted)
    route(routes, "POST", "/team/block", Action.TEAM_BLOCK, block, answer=answers.TeamView, tagged=True)
    route(routes, "POST", "/team/unblock", Action.TEAM_BLOCK, unblock, answer=answers.TeamView, tagged=True)
    route(routes, "GET", "/team/info", Action.TEAM_READ, info, answer=answers.TeamFound)
    route(routes, "GET", "/team/list", Action.TEAM_READ, list_teams, answer=list[answers.TeamListed])
    route(routes, "GET", "/v2/team/list", Action.TEAM_READ, page_teams, answer=answers.TeamPage)
    route(routes, "POST", "/team/model/add", Action.TEAM_MODELS, add_models, answer=answers.TeamView, tagged=True)
    route(routes, "POST", "/team/model/delete", Action.TEAM_MODELS, remove_models, answer=answers.TeamView, tagged=True)
    route(routes, "GET", "/team/permissions_list", Action.TEAM_READ, permissions, answer=answers.TeamPermissionsView)
    route(
        routes,
        "POST",
        "/team/permissions_update",
        Action.TEAM_UPDATE,
        set_permissions,
        answer=answers.TeamView,
        tagged=True,
    )
    route(
        routes,
        "POST",
        "/team/permissions_bulk_update",
        Action.TEAM_UPDATE,
        add_permissions,
        answer=answers.PermissionsAdded,
        tagged=True,
    )
    route(routes, "GET", "/team/available", Action.SELF, available, answer=list[answers.TeamOfOrganization])
    route(routes, "GET", "/team/metadata_schema", Action.SELF, metadata_schema, answer=answers.MetadataSchema)
    route(routes, "PATCH", "/team/{team_id}", Action.TEAM_UPDATE, patch, answer=answers.TeamView)
    return routes


def _service(request: Request) -> TeamService:
    return TeamService(writer_of(request), reach_of(request))


async def create(request: Request, body: TeamNew) -> JsonObject:
    """Create a team. ``admins`` and ``members`` are ids of users; ``members_with_roles`` says the same in one list."""
    return await _service(request).create(body, people_of(request))


async def update(request: Request, response: Response, body: TeamUpdate) -> JsonObject:
    """Change the named fields of a team; the others stay."""
    view, revision = await _service(request).update(body.team_id, body)
    response.headers["etag"] = etag(revision)
    return {"team_id": body.team_id, "data": view}


async def patch(request: Request, response: Response, team_id: Name, body: TeamPatch) -> JsonObject:
    """The same, answered with the team itself."""
    if body.team_id not in (None, team_id):
        raise bad_field("team_id", "is another one than that of the path")
    view, revision = await _service(request).update(team_id, body)
    response.headers["etag"] = etag(revision)
    return view


async def delete(request: Request, body: TeamDelete) -> JsonObject:
    """Delete teams with their keys, projects and memberships: all of them or none."""
    return {"deleted_teams": await _service(request).delete(body.team_ids)}


async def block(request: Request, body: TeamReference) -> JsonObject:
    """Refuse all keys of a team from now on."""
    return await _service(request).set_blocked(body.team_id, blocked=True)


async def unblock(request: Request, body: TeamReference) -> JsonObject:
    """Admit the keys of a team again."""
    return await _service(request).set_blocked(body.team_id, blocked=False)


async def info(
    request: Request,
    response: Response,
    team_id: Id = None,
    key_limit: Annotated[int, Query(ge=1, le=MOST_KEYS)] = 100,
) -> JsonObject:
    """A team, its newest keys and its members; without ``team_id`` the team of the calling key."""
    caller = caller_of(request)
    wanted = team_id or caller.key.team_id
    if wanted is None:
        raise bad_field("team_id", "name a team with ?team_id=")
    services, far, now = services_of(request), reach_of(request), services_of(request).clock()
    views = reading.Views(reach=far, keys=reach(caller.actor, Action.KEY_READ), now=now)
    found, revision = await services.database.read(lambda connection: views.info(connection, wanted, key_limit))
    response.headers["etag"] = etag(revision)
    return found


async def list_teams(
    request: Request,
    response: Response,
    user_id: Id = None,
    organization_id: Id = None,
    page: PageNumber = 1,
    page_size: PageSize = MOST,
    sort_by: SortBy = "team_alias",
    sort_order: SortOrder = "asc",
) -> list[JsonObject]:
    """The teams in the caller's reach, by alias unless asked otherwise. ``/v2/team/list`` filters by more."""
    asked = TeamFilter(user_id=user_id, org_id=organization_id)
    found, total = await _listed(request, asked, Wanted(page, page_size, sort_by, sort_order))
    tell_total(response, total)
    return found


async def page_teams(
    request: Request,
    user_id: Id = None,
    organization_id: Id = None,
    team_id: Id = None,
    team_alias: Id = None,
    search: Id = None,
    search_team_id_match: Literal["exact", "prefix"] = "exact",
    page: PageNumber = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 10,
    sort_by: SortBy = "created_at",
    sort_order: SortOrder = "asc",
    status: Literal["active", "blocked"] | None = None,
) -> JsonObject:
    """A page of the teams in the caller's reach."""
    asked = TeamFilter(
        user_id=user_id,
        org_id=organization_id,
        team_id=team_id,
        alias=team_alias,
        search=search,
        prefix=search_team_id_match == "prefix",
        blocked={"active": False, "blocked": True}.get(status or ""),
    )
    teams, total = await _listed(request, asked, Wanted(page, page_size, sort_by, sort_order))
    pages = -(-total // page_size)
    return {"teams": teams, "total": total, "page": page, "page_size": page_size, "total_pages": pages}


async def _listed(request: Request, asked: TeamFilter, wanted: Wanted) -> tuple[list[JsonObject], int]:
    services, caller = services_of(request), caller_of(request)
    views = reading.Views(reach=reach_of(request), keys=reach(caller.actor, Action.KEY_READ), now=services.clock())

    def query(connection: sa.Connection) -> tuple[list[JsonObject], int]:
        total, rows = views.page(connection, asked, wanted)
        return views.listed(connection, rows), total

    return await services.database.read(query)


async def add_models(request: Request, body: TeamModels) -> JsonObject:
    """Let a team use further models; one that could use all is restricted to these."""
    return await _service(request).add_models(body)


async def remove_models(request: Request, body: TeamModels) -> JsonObject:
    """Take models from a team, but not its last one."""
    return await _service(request).remove_models(body)


async def permissions(
    request: Request, response: Response, team_id: Annotated[str, Query(min_length=1, max_length=255)]
) -> JsonObject:
    """Which routes of ``/key/*`` a team's plain members may use for its keys, and which could be opened to them."""
    far = reach_of(request)
    row = await services_of(request).database.read(lambda connection: existing(connection, team_id, far))
    response.headers["etag"] = etag(row.revision)
    return {
        "team_id": team_id,
        "team_member_permissions": row.member_permissions,
        "all_available_permissions": list(AVAILABLE_PERMISSIONS),
    }


async def set_permissions(request: Request, body: TeamPermissions) -> JsonObject:
    """Say which routes of ``/key/*`` a team's plain members may use for its keys."""
    return await _service(request).set_permissions(body.team_id, body.team_member_permissions)


async def add_permissions(request: Request, body: ManyTeamPermissions) -> JsonObject:
    """Open further routes to the plain members of several teams, or of all in the caller's reach."""
    changed = await _service(request).add_permissions(body)
    return {
        "message": f"{changed} teams were changed.",
        "teams_updated": changed,
        "permissions_appended": body.permissions,
    }


async def available() -> list[JsonObject]:
    """The teams that anybody may join by himself: none, somebody who administers a team brings people in."""
    return []


async def metadata_schema() -> JsonObject:
    """Which fields a team's metadata must have: none, metadata is free."""
    return {"fields": []}
