"""``/customer/*`` and its older name ``/end_user/*``: end users that requests name (``user``), with limits of their own."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import subjects as answers
from phantom_gateway.control.commit import etag
from phantom_gateway.control.customers.fields import CustomerFields, CustomerIds
from phantom_gateway.control.customers.view import kind, views
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
from phantom_gateway.control.entities.subjects import SubjectService
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.store import tenants
from phantom_gateway.store.spend import lifetime
from phantom_gateway.store.tenants import CustomerRow

JsonObject = dict[str, Any]
NAMES = ("customer", "end_user")


def router() -> APIRouter:
    """The routes, under both names."""
    routes = APIRouter(tags=["customers"])
    for name in NAMES:
        route(routes, "POST", f"/{name}/new", Action.CUSTOMER_WRITE, new, answer=answers.CustomerView)
        route(routes, "POST", f"/{name}/update", Action.CUSTOMER_WRITE, update, answer=answers.CustomerView)
        route(routes, "POST", f"/{name}/delete", Action.CUSTOMER_WRITE, delete, answer=answers.CustomersDeleted)
        route(
            routes, "POST", f"/{name}/block", Action.CUSTOMER_WRITE, block, answer=answers.CustomersBlocked, tagged=True
        )
        route(
            routes,
            "POST",
            f"/{name}/unblock",
            Action.CUSTOMER_WRITE,
            unblock,
            answer=answers.CustomersBlocked,
            tagged=True,
        )
        route(routes, "GET", f"/{name}/info", Action.CUSTOMER_READ, info, answer=answers.CustomerView)
        route(routes, "GET", f"/{name}/list", Action.CUSTOMER_READ, list_customers, answer=list[answers.CustomerView])
    return routes


def _service(request: Request) -> SubjectService[CustomerRow]:
    return SubjectService(writer_of(request), kind())


def _blank(request: Request, name: str) -> CustomerRow:
    now, by = services_of(request).clock(), writer_of(request).by
    return CustomerRow(id=name, created_at=now, created_by=by, updated_at=now, updated_by=by)


async def new(request: Request, response: Response, body: CustomerFields) -> JsonObject:
    """Make a customer known, before or after requests have named it."""
    shown, revision = await _service(request).create(_blank(request, body.user_id), body)
    response.headers["etag"] = etag(revision)
    return shown


async def update(request: Request, response: Response, body: CustomerFields) -> JsonObject:
    """Change the named fields of a customer."""
    shown, revision = await _service(request).update(body.user_id, body)
    response.headers["etag"] = etag(revision)
    return shown


async def delete(request: Request, body: CustomerIds) -> JsonObject:
    """Forget customers: all of them or none. What they spent stays in the spend log."""
    count = await _service(request).delete(body.user_ids, "user_ids")
    return {"deleted_customers": count, "message": f"Deleted {count} customers."}


async def block(request: Request, body: CustomerIds) -> JsonObject:
    """Refuse requests that name these customers, whether they are known or not."""
    return {"blocked_users": await _set_blocked(request, body, blocked=True)}


async def unblock(request: Request, body: CustomerIds) -> JsonObject:
    """Admit them again."""
    await _set_blocked(request, body, blocked=False)
    return {"blocked_users": []}


async def info(
    request: Request, response: Response, end_user_id: Annotated[str, Query(min_length=1, max_length=255)]
) -> JsonObject:
    """A customer and its spend."""
    services, customers = services_of(request), kind()

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        row = customers.existing(connection, end_user_id, "end_user_id")
        return views(connection, [row], services.clock())[0], row.revision

    shown, revision = await services.database.read(query)
    response.headers["etag"] = etag(revision)
    return shown


async def list_customers(
    request: Request,
    response: Response,
    page: PageNumber = 1,
    size: PageSize = MOST,
    search: SearchText = None,
    blocked: bool | None = None,
    sort_by: Literal["created_at", "updated_at", "user_id", "alias", "max_budget", "spend"] = "created_at",
    sort_order: SortOrder = "desc",
) -> list[JsonObject]:
    """Customers, the newest first unless asked otherwise; beyond LiteLLM in pages."""
    services = services_of(request)
    rows, columns = tenants.CUSTOMERS, tenants.CUSTOMERS.table.c
    sorts = {"user_id": columns.id, "max_budget": columns.max_budget_nano, "spend": lifetime("customer", columns.id)}
    listing = Listing(rows, {**columns, **sorts})
    matching = [] if search is None else [rows.search(search, "id", "alias")]
    if blocked is not None:
        matching.append(columns.blocked == blocked)
    wanted = Wanted(page, size, sort_by, sort_order)

    def query(connection: sa.Connection) -> tuple[int, list[JsonObject]]:
        total, found = listing.page(connection, matching, wanted)
        return total, views(connection, found, services.clock())

    total, shown = await services.database.read(query)
    tell_total(response, total)
    return shown


async def _set_blocked(request: Request, body: CustomerIds, *, blocked: bool) -> list[JsonObject]:
    blanks = [_blank(request, name) for name in dict.fromkeys(body.user_ids)]
    return await _service(request).set_blocked(blanks, blocked)
