"""``/budget/*``: limits that keys, customers, tags and all others may refer to by ``budget_id``."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import subjects as answers
from phantom_gateway.control.answers.base import BudgetView
from phantom_gateway.control.budgets.fields import BudgetDelete, BudgetInfo, BudgetNew, BudgetUpdate
from phantom_gateway.control.budgets.service import BudgetService, existing
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
from phantom_gateway.control.entities.view import budget_table
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import BudgetRow

JsonObject = dict[str, Any]

SETTINGS = {
    "max_parallel_requests": ("Integer", "Most requests at once."),
    "tpm_limit": ("Integer", "Tokens a minute."),
    "rpm_limit": ("Integer", "Requests a minute."),
    "tpd_limit": ("Integer", "Tokens a day."),
    "budget_duration": ("String", "Window of max_budget: 30s, 30m, 24h, 7d, 1mo."),
    "max_budget": ("Float", "US dollars in a window; no request goes beyond."),
    "soft_budget": ("Float", "US dollars in a window; beyond it requests go on and somebody is told."),
}


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["budgets"])
    route(routes, "POST", "/budget/new", Action.BUDGET_WRITE, new, answer=BudgetView)
    route(routes, "POST", "/budget/update", Action.BUDGET_WRITE, update, answer=BudgetView)
    route(routes, "POST", "/budget/delete", Action.BUDGET_WRITE, delete, answer=BudgetView)
    route(routes, "POST", "/budget/info", Action.BUDGET_READ, info, answer=list[BudgetView])
    route(routes, "GET", "/budget/settings", Action.BUDGET_READ, settings, answer=list[answers.BudgetField])
    route(routes, "GET", "/budget/list", Action.BUDGET_READ, list_budgets, answer=list[BudgetView])
    return routes


async def new(request: Request, response: Response, body: BudgetNew) -> JsonObject:
    """Make a budget."""
    shown, revision = await BudgetService(writer_of(request)).create(body)
    response.headers["etag"] = etag(revision)
    return shown


async def update(request: Request, response: Response, body: BudgetUpdate) -> JsonObject:
    """Change the named fields of a budget, for everybody who refers to it."""
    shown, revision = await BudgetService(writer_of(request)).update(body)
    response.headers["etag"] = etag(revision)
    return shown


async def delete(request: Request, body: BudgetDelete) -> JsonObject:
    """Delete a budget that nobody refers to."""
    return await BudgetService(writer_of(request)).delete(body)


async def info(request: Request, response: Response, body: BudgetInfo) -> list[JsonObject]:
    """Several budgets; those that do not exist are left out."""
    services = services_of(request)
    wanted = list(dict.fromkeys(body.budgets))
    rows = await services.database.read(lambda connection: tenants.BUDGETS.of(connection, "id", wanted))
    if len(wanted) == len(rows) == 1:
        response.headers["etag"] = etag(rows[0].revision)
    return _shown(rows, services.clock())


async def settings(
    request: Request, response: Response, budget_id: Annotated[str, Query(max_length=255)]
) -> list[JsonObject]:
    """The fields of a budget with what they mean and what they are, as the UI shows them."""
    row = await services_of(request).database.read(lambda connection: existing(connection, budget_id, "budget_id"))
    response.headers["etag"] = etag(row.revision)
    shown = budget_table(row, services_of(request).clock()) or {}
    return [
        {
            "field_name": name,
            "field_type": kind,
            "field_description": description,
            "field_value": shown[name],
            "stored_in_db": shown[name] is not None,
            "field_default_value": None,
        }
        for name, (kind, description) in SETTINGS.items()
    ]


async def list_budgets(
    request: Request,
    response: Response,
    page: PageNumber = 1,
    size: PageSize = MOST,
    search: SearchText = None,
    sort_by: Literal["created_at", "updated_at", "budget_id", "max_budget"] = "created_at",
    sort_order: SortOrder = "desc",
) -> list[JsonObject]:
    """Budgets, the newest first unless asked otherwise."""
    services, columns = services_of(request), tenants.BUDGETS.table.c
    sorts = {"budget_id": columns.id, "max_budget": columns.max_budget_nano}
    listing = Listing(tenants.BUDGETS, {**columns, **sorts})
    matching = [] if search is None else [tenants.BUDGETS.search(search, "id")]
    wanted = Wanted(page, size, sort_by, sort_order)
    total, rows = await services.database.read(lambda connection: listing.page(connection, matching, wanted))
    tell_total(response, total)
    return _shown(rows, services.clock())


def _shown(rows: list[BudgetRow], now: float) -> list[JsonObject]:
    return [shown for row in rows if (shown := budget_table(row, now)) is not None]
