"""``/role/*``: custom roles. Not in LiteLLM, whose roles are fixed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import people as answers
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.listing import (
    MOST,
    Listing,
    PageNumber,
    PageSize,
    SearchText,
    SortOrder,
    Wanted,
    tell_total,
)
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.roles import NOT_GRANTED, REACHES
from phantom_gateway.control.roles.fields import RoleDelete, RoleNew, RoleUpdate
from phantom_gateway.control.roles.service import RoleService, existing, view
from phantom_gateway.store import tenants

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["roles"])
    route(routes, "POST", "/role/new", Action.ROLE_WRITE, new, answer=answers.RoleView, tagged=True)
    route(routes, "POST", "/role/update", Action.ROLE_WRITE, update, answer=answers.RoleView, tagged=True)
    route(routes, "POST", "/role/delete", Action.ROLE_WRITE, delete, answer=answers.RolesDeleted)
    route(routes, "GET", "/role/info", Action.ROLE_READ, info, answer=answers.RoleView)
    route(routes, "GET", "/role/list", Action.ROLE_READ, list_roles, answer=answers.RoleList)
    return routes


async def new(request: Request, body: RoleNew) -> JsonObject:
    """Make a role."""
    return await RoleService(writer_of(request)).new(body)


async def update(request: Request, body: RoleUpdate) -> JsonObject:
    """Change a role; it holds for everybody who has it from the next request on."""
    return await RoleService(writer_of(request)).update(body)


async def delete(request: Request, body: RoleDelete) -> JsonObject:
    """Delete roles that nobody has: all of them or none."""
    return {"deleted_roles": await RoleService(writer_of(request)).delete(body.roles)}


async def info(request: Request, response: Response, role: Annotated[str, Query(max_length=64)]) -> JsonObject:
    """A role."""
    row = await services_of(request).database.read(lambda connection: existing(connection, role))
    response.headers["etag"] = etag(row.revision)
    return view(row)


async def list_roles(
    request: Request,
    response: Response,
    search: SearchText = None,
    page: PageNumber = 1,
    size: PageSize = MOST,
    sort_by: Literal["role", "created_at", "updated_at"] = "role",
    sort_order: SortOrder = "asc",
) -> JsonObject:
    """Custom roles, by name unless asked otherwise, and what can be granted. ``search`` is a part of a name or description."""
    columns = tenants.ROLES.table.c
    listing = Listing(
        tenants.ROLES, {"role": columns.id, "created_at": columns.created_at, "updated_at": columns.updated_at}
    )
    matching = [] if search is None else [tenants.ROLES.search(search, "id", "description")]
    wanted = Wanted(page, size, sort_by, sort_order)
    total, rows = await services_of(request).database.read(
        lambda connection: listing.page(connection, matching, wanted)
    )
    tell_total(response, total)
    actions = sorted(action.value for action in Action if action not in NOT_GRANTED)
    return {"roles": [view(row) for row in rows], "actions": actions, "reaches": list(REACHES)}
