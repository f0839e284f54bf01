"""``/organization/*``: tenants and their members."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import tenants as answers
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.fields import Name
from phantom_gateway.control.entities.listing import MOST, PageNumber, PageSize, SortOrder, Wanted, tell_total
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of, writer_of
from phantom_gateway.control.organizations.fields import (
    OrganizationDelete,
    OrganizationMemberAdd,
    OrganizationMemberDelete,
    OrganizationMemberUpdate,
    OrganizationNew,
    OrganizationPatch,
    OrganizationReferences,
    OrganizationUpdate,
)
from phantom_gateway.control.organizations.members import OrganizationMemberService
from phantom_gateway.control.organizations.service import OrganizationService, OrganizationViews
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.routers.team_members import people_of

JsonObject = dict[str, Any]
Id = Annotated[str | None, Query(min_length=1, max_length=255)]
SortBy = Literal["organization_alias", "organization_id", "created_at", "updated_at", "max_budget", "spend"]


def router() -> APIRouter:
    """The routes, with LiteLLM's methods."""
    routes = APIRouter(tags=["organizations"])
    route(routes, "POST", "/organization/new", Action.ORG_CREATE, create, answer=answers.OrganizationView, tagged=True)
    route(routes, "PATCH", "/organization/update", Action.ORG_UPDATE, update, answer=answers.OrganizationView)
    route(
        routes, "PATCH", "/v2/organization/{organization_id}", Action.ORG_UPDATE, patch, answer=answers.OrganizationView
    )
    route(routes, "DELETE", "/organization/delete", Action.ORG_DELETE, delete, answer=list[answers.OrganizationView])
    route(
        routes, "GET", "/organization/list", Action.ORG_READ, list_organizations, answer=list[answers.OrganizationView]
    )
    route(routes, "GET", "/organization/info", Action.ORG_READ, info, answer=answers.OrganizationView)
    route(routes, "POST", "/organization/info", Action.ORG_READ, info_of_some, answer=list[answers.OrganizationView])
    route(
        routes,
        "POST",
        "/organization/member_add",
        Action.ORG_MEMBERS,
        add_member,
        answer=answers.OrganizationMembersAdded,
        tagged=True,
    )
    route(
        routes,
        "PATCH",
        "/organization/member_update",
        Action.ORG_MEMBERS,
        update_member,
        answer=answers.OrganizationMemberView,
        tagged=True,
    )
    route(
        routes,
        "DELETE",
        "/organization/member_delete",
        Action.ORG_MEMBERS,
        remove_member,
        answer=answers.OrganizationMemberView,
        tagged=True,
    )
    return routes


def _service(request: Request) -> OrganizationService:
    return OrganizationService(writer_of(request), reach_of(request))


def _members(request: Request) -> OrganizationMemberService:
    return OrganizationMemberService(writer_of(request), reach_of(request), people_of(request))


def _views(request: Request) -> OrganizationViews:
    return OrganizationViews(reach_of(request), caller_of(request).actor.user_id, services_of(request).clock())


async def create(request: Request, body: OrganizationNew) -> JsonObject:
    """Create an organisation."""
    return await _service(request).create(body)


async def update(request: Request, response: Response, body: OrganizationUpdate) -> JsonObject:
    """Change the named fields of an organisation; the others stay."""
    view, revision = await _service(request).update(body.organization_id, body)
    response.headers["etag"] = etag(revision)
    return view


async def patch(request: Request, response: Response, organization_id: Name, body: OrganizationPatch) -> JsonObject:
    """The same, with the id in the path."""
    view, revision = await _service(request).update(organization_id, body)
    response.headers["etag"] = etag(revision)
    return view


async def delete(request: Request, body: OrganizationDelete) -> list[JsonObject]:
    """Delete organisations with their teams and keys: all of them or none. People stay."""
    return await _service(request).delete(body.organization_ids)


async def list_organizations(
    request: Request,
    response: Response,
    org_id: Id = None,
    org_alias: Id = None,
    page: PageNumber = 1,
    size: PageSize = MOST,
    sort_by: SortBy = "organization_alias",
    sort_order: SortOrder = "asc",
) -> list[JsonObject]:
    """The organisations in the caller's reach, by alias unless asked otherwise."""
    views, wanted = _views(request), Wanted(page, size, sort_by, sort_order)
    total, found = await services_of(request).database.read(
        lambda connection: views.listed(connection, org_id, org_alias, wanted)
    )
    tell_total(response, total)
    return found


async def info(
    request: Request, response: Response, organization_id: Annotated[str, Query(min_length=1, max_length=255)]
) -> JsonObject:
    """An organisation, its members and its teams."""
    views = _views(request)
    found, revision = await services_of(request).database.read(
        lambda connection: views.one(connection, organization_id)
    )
    response.headers["etag"] = etag(revision)
    return found


async def info_of_some(request: Request, body: OrganizationReferences) -> list[JsonObject]:
    """The same for several at once."""
    views = _views(request)
    return await services_of(request).database.read(lambda connection: views.some(connection, body.organizations))


async def add_member(request: Request, body: OrganizationMemberAdd) -> JsonObject:
    """Make people members. Who is unknown becomes an internal user."""
    return await _members(request).add(body)


async def update_member(request: Request, body: OrganizationMemberUpdate) -> JsonObject:
    """Change a member's role or budget in the organisation."""
    return await _members(request).update(body)


async def remove_member(request: Request, body: OrganizationMemberDelete) -> JsonObject:
    """Take somebody out of an organisation; what he is in its teams stays."""
    return await _members(request).remove(body.organization_id, body)
