"""``/config/pass_through_endpoint``: paths whose requests go on to another service."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request

from phantom_gateway.control.answers import served as answers
from phantom_gateway.control.errors import not_found
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.passes.fields import PassNew, PassUpdate
from phantom_gateway.control.passes.service import PassService
from phantom_gateway.control.passes.view import row_view, written_views
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.store.tenants import PASS_ENDPOINTS, TEAMS

PATH = "/config/pass_through_endpoint"
Text = Annotated[str | None, Query(max_length=255)]

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["pass-through"])
    shape = answers.PassEndpoints
    route(routes, "GET", PATH, Action.CONFIG_READ, list_endpoints, answer=shape)
    route(routes, "POST", PATH, Action.CONFIG_WRITE, create, answer=shape, tagged=True)
    route(routes, "DELETE", PATH, Action.CONFIG_WRITE, delete, answer=shape)
    route(routes, "GET", f"{PATH}/team/{{team_id}}", Action.CONFIG_READ, of_team, answer=shape)
    route(routes, "POST", f"{PATH}/{{endpoint_id}}", Action.CONFIG_WRITE, update, answer=shape, tagged=True)
    return routes


async def list_endpoints(request: Request, endpoint_id: Text = None, team_id: Text = None) -> JsonObject:
    """All endpoints, those of the file first; one of them, or those that a team may use. Values of headers are masked."""
    services = services_of(request)

    def read(connection: sa.Connection) -> list[JsonObject]:
        views = [*written_views(services.loader.written), *map(row_view, PASS_ENDPOINTS.all(connection))]
        return views if team_id is None else [each for each in views if admits(each["path"])]

    def admits(path: str) -> bool:
        return any(path == each or path.startswith(f"{each.rstrip('/*')}/") for each in allowed) if allowed else True

    allowed: list[str] = []
    if team_id is not None:
        team = await services.database.read(lambda connection: TEAMS.get(connection, team_id))
        if team is None:
            raise not_found("Team not found.", "team_id")
        allowed = team.extra.get("allowed_passthrough_routes") or []
    found = await services.database.read(read)
    return {"endpoints": [each for each in found if endpoint_id in (None, each["id"])]}


async def of_team(request: Request, team_id: str, endpoint_id: Text = None) -> JsonObject:
    """The endpoints that a team may use."""
    return await list_endpoints(request, endpoint_id, team_id)


async def create(request: Request, body: PassNew) -> JsonObject:
    """Make an endpoint; every worker passes its requests on when this answers."""
    return {"endpoints": [row_view(await PassService(writer_of(request)).create(body))]}


async def update(request: Request, endpoint_id: str, body: PassUpdate) -> JsonObject:
    """Change an endpoint. A value that is sent as it was shown, masked, stays."""
    return {"endpoints": [row_view(await PassService(writer_of(request)).update(endpoint_id, body))]}


async def delete(request: Request, endpoint_id: Annotated[str, Query(max_length=255)]) -> JsonObject:
    """Remove an endpoint; what was removed."""
    return {"endpoints": [row_view(await PassService(writer_of(request)).delete(endpoint_id))]}
