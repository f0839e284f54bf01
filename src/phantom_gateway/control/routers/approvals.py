"""``/approval/*``: asking for more budget or other models, and deciding on it. Not in LiteLLM."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import people as answers
from phantom_gateway.control.approvals.fields import (
    ApprovalGranted,
    ApprovalNamed,
    ApprovalNew,
    ApprovalRefused,
    State,
)
from phantom_gateway.control.approvals.service import ApprovalService, existing
from phantom_gateway.control.approvals.view import views
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.listing import Listing, PageNumber, SortOrder, Wanted, tell_total
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.store import tenants
from phantom_gateway.store.rows import Condition

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["approvals"])
    view = answers.ApprovalView
    route(routes, "POST", "/approval/new", Action.APPROVAL_ASK, new, answer=view, tagged=True)
    route(routes, "POST", "/approval/withdraw", Action.APPROVAL_ASK, withdraw, answer=view, tagged=True)
    route(routes, "POST", "/approval/approve", Action.APPROVAL_DECIDE, approve, answer=view, tagged=True)
    route(routes, "POST", "/approval/refuse", Action.APPROVAL_DECIDE, refuse, answer=view, tagged=True)
    route(routes, "GET", "/approval/info", Action.APPROVAL_READ, info, answer=view)
    route(routes, "GET", "/approval/list", Action.APPROVAL_READ, list_approvals, answer=answers.ApprovalList)
    return routes


def _service(request: Request) -> ApprovalService:
    return ApprovalService(writer_of(request), caller_of(request), reach_of(request))


async def new(request: Request, body: ApprovalNew) -> JsonObject:
    """Ask for a larger budget or more models, for oneself or for an own key."""
    return await _service(request).ask(body)


async def withdraw(request: Request, body: ApprovalNamed) -> JsonObject:
    """Take back what one has asked for, while nobody has decided."""
    return await _service(request).withdraw(body.id)


async def approve(request: Request, body: ApprovalGranted) -> JsonObject:
    """Grant a request, as it was made or with another budget or other models; it is in force when this answers."""
    return await _service(request).approve(body)


async def refuse(request: Request, body: ApprovalRefused) -> JsonObject:
    """Refuse a request."""
    return await _service(request).refuse(body)


async def info(request: Request, response: Response, id: Annotated[str, Query(max_length=64)]) -> JsonObject:  # noqa: A002 # as in the answers
    """One request."""
    far = reach_of(request)

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        row = existing(connection, id, far)
        return views(connection, [row])[0], row.revision

    view, revision = await services_of(request).database.read(query)
    response.headers["etag"] = etag(revision)
    return view


async def list_approvals(
    request: Request,
    response: Response,
    state: State | None = None,
    page: PageNumber = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 25,
    sort_by: Literal["created_at", "updated_at"] = "created_at",
    sort_order: SortOrder = "desc",
) -> JsonObject:
    """The requests one reaches: one's own, and those that one may decide on; newest first unless asked otherwise."""
    columns = tenants.APPROVALS.table.c
    listing = Listing(tenants.APPROVALS, {"created_at": columns.created_at, "updated_at": columns.updated_at})
    matching: list[Condition] = [
        reach_of(request).where(user=columns.user_id, team=columns.team_id, org=columns.org_id)
    ]
    if state is not None:
        matching.append(columns.state == state)

    def query(connection: sa.Connection) -> tuple[int, list[JsonObject]]:
        total, rows = listing.page(connection, matching, Wanted(page, size, sort_by, sort_order))
        return total, views(connection, rows)

    total, shown = await services_of(request).database.read(query)
    tell_total(response, total)
    return {"approvals": shown, "total_count": total, "current_page": page, "total_pages": -(-total // size)}
