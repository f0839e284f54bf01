"""``/project/*``: what teams spend their money on."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import tenants as answers
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.listing import (
    MOST,
    PageNumber,
    PageSize,
    SearchText,
    SortOrder,
    Wanted,
    tell_total,
)
from phantom_gateway.control.guard import reach_of, route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.projects.fields import ProjectDelete, ProjectNew, ProjectUpdate
from phantom_gateway.control.projects.service import LISTING, ProjectService, conditions, existing
from phantom_gateway.control.projects.view import project_views

JsonObject = dict[str, Any]
Id = Annotated[str | None, Query(min_length=1, max_length=255)]
SortBy = Literal["project_alias", "project_id", "team_id", "created_at", "updated_at", "max_budget", "spend"]


def router() -> APIRouter:
    """The routes, with LiteLLM's methods."""
    routes = APIRouter(tags=["projects"])
    route(routes, "POST", "/project/new", Action.PROJECT_CREATE, create, answer=answers.ProjectView, tagged=True)
    route(routes, "POST", "/project/update", Action.PROJECT_UPDATE, update, answer=answers.ProjectView)
    route(routes, "DELETE", "/project/delete", Action.PROJECT_DELETE, delete, answer=list[answers.ProjectView])
    route(routes, "GET", "/project/info", Action.PROJECT_READ, info, answer=answers.ProjectView)
    route(routes, "GET", "/project/list", Action.PROJECT_READ, list_projects, answer=list[answers.ProjectView])
    return routes


def _service(request: Request) -> ProjectService:
    return ProjectService(writer_of(request), reach_of(request))


async def create(request: Request, body: ProjectNew) -> JsonObject:
    """Create a project of a team."""
    return await _service(request).create(body)


async def update(request: Request, response: Response, body: ProjectUpdate) -> JsonObject:
    """Change the named fields of a project; the others stay."""
    view, revision = await _service(request).update(body)
    response.headers["etag"] = etag(revision)
    return view


async def delete(request: Request, body: ProjectDelete) -> list[JsonObject]:
    """Delete projects that have no keys: all of them or none."""
    return await _service(request).delete(body.project_ids)


async def info(
    request: Request, response: Response, project_id: Annotated[str, Query(min_length=1, max_length=255)]
) -> JsonObject:
    """A project and its spend."""
    services, far = services_of(request), reach_of(request)

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        row = existing(connection, project_id, far)
        return project_views(connection, [row], services.clock())[0], row.revision

    found, revision = await services.database.read(query)
    response.headers["etag"] = etag(revision)
    return found


async def list_projects(
    request: Request,
    response: Response,
    team_id: Id = None,
    search: SearchText = None,
    page: PageNumber = 1,
    size: PageSize = MOST,
    sort_by: SortBy = "project_alias",
    sort_order: SortOrder = "asc",
) -> list[JsonObject]:
    """The projects in the caller's reach, by alias unless asked otherwise."""
    services, wanted = services_of(request), Wanted(page, size, sort_by, sort_order)
    matching = conditions(reach_of(request), team_id, search)

    def query(connection: sa.Connection) -> tuple[int, list[JsonObject]]:
        total, rows = LISTING.page(connection, matching, wanted)
        return total, project_views(connection, rows, services.clock())

    total, found = await services.database.read(query)
    tell_total(response, total)
    return found
