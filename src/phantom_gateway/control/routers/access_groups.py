"""``/v1/access_group`` and the older ``/access_group/*``: names for sets of models, used in any list of models."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request, Response

from phantom_gateway.control.access_groups import budgets
from phantom_gateway.control.access_groups.fields import GroupCreate, GroupUpdate, ModelGroupNew, ModelGroupUpdate
from phantom_gateway.control.access_groups.service import LISTING, AccessGroupService, by_id, by_name, view, views
from phantom_gateway.control.answers import subjects as answers
from phantom_gateway.control.answers.base import Reply
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
from phantom_gateway.control.errors import ApiError, bad_field
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.store import tenants
from phantom_gateway.store.rows import Condition
from phantom_gateway.store.tenants import AccessGroupRow

JsonObject = dict[str, Any]
Named = Annotated[str, Path(min_length=1, max_length=255)]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["access groups"])
    for path in ("/v1/access_group", "/v1/unified_access_group"):
        route(routes, "POST", path, Action.ACCESS_GROUP_WRITE, create, answer=Reply(201, answers.GroupView))
        route(routes, "GET", path, Action.ACCESS_GROUP_READ, list_groups, answer=list[answers.GroupView])
        route(routes, "GET", f"{path}/{{access_group_id}}", Action.ACCESS_GROUP_READ, get, answer=answers.GroupView)
        route(routes, "PUT", f"{path}/{{access_group_id}}", Action.ACCESS_GROUP_WRITE, update, answer=answers.GroupView)
        route(routes, "DELETE", f"{path}/{{access_group_id}}", Action.ACCESS_GROUP_WRITE, delete, answer=Reply(204))
    route(routes, "POST", "/access_group/new", Action.ACCESS_GROUP_WRITE, new_models, answer=answers.ModelGroupChanged)
    route(routes, "GET", "/access_group/list", Action.ACCESS_GROUP_READ, list_models, answer=answers.ModelGroupList)
    route(
        routes,
        "GET",
        "/access_group/{access_group}/info",
        Action.ACCESS_GROUP_READ,
        info_models,
        answer=answers.ModelGroupView,
    )
    route(
        routes,
        "PUT",
        "/access_group/{access_group}/update",
        Action.ACCESS_GROUP_WRITE,
        update_models,
        answer=answers.ModelGroupChanged,
    )
    route(
        routes,
        "DELETE",
        "/access_group/{access_group}/delete",
        Action.ACCESS_GROUP_WRITE,
        delete_models,
        answer=answers.ModelGroupDeleted,
    )
    budget, read, write = "/access_group/{access_group}/budget", Action.ACCESS_GROUP_READ, Action.ACCESS_GROUP_WRITE
    route(routes, "GET", budget, read, get_budget, answer=budgets.GroupBudgetView)
    route(routes, "PUT", budget, write, put_budget, answer=budgets.GroupBudgetView)
    route(routes, "DELETE", budget, write, delete_budget, answer=budgets.GroupBudgetDeleted)
    return routes


async def create(request: Request, response: Response, body: GroupCreate) -> JsonObject:
    """Make a group, and assign it to teams and keys."""
    shown, revision = await AccessGroupService(writer_of(request)).create(body)
    response.headers["etag"] = etag(revision)
    response.status_code = 201
    return shown


async def list_groups(
    request: Request,
    response: Response,
    search: SearchText = None,
    page: PageNumber = 1,
    size: PageSize = MOST,
    sort_by: Literal["access_group_id", "access_group_name", "created_at", "updated_at"] = "access_group_id",
    sort_order: SortOrder = "asc",
) -> list[JsonObject]:
    """Groups; ``search`` is a part of a name."""
    wanted = Wanted(page, size, sort_by, sort_order)

    def query(connection: sa.Connection) -> tuple[int, list[JsonObject]]:
        total, rows = LISTING.page(connection, _named(search), wanted)
        return total, views(connection, rows)

    total, found = await services_of(request).database.read(query)
    tell_total(response, total)
    return found


async def get(request: Request, response: Response, access_group_id: Named) -> JsonObject:
    """One group."""

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        row = by_id(connection, access_group_id)
        return view(connection, row), row.revision

    shown, revision = await services_of(request).database.read(query)
    response.headers["etag"] = etag(revision)
    return shown


async def update(request: Request, response: Response, access_group_id: Named, body: GroupUpdate) -> JsonObject:
    """Change the named fields of a group."""
    service = AccessGroupService(writer_of(request))
    shown, revision = await service.update(lambda connection: by_id(connection, access_group_id), body)
    response.headers["etag"] = etag(revision)
    return shown


async def delete(request: Request, access_group_id: Named) -> Response:
    """Delete a group. Lists that name it admit nothing by it any more."""
    await AccessGroupService(writer_of(request)).delete(lambda connection: by_id(connection, access_group_id))
    return Response(status_code=204)


async def new_models(request: Request, response: Response, body: ModelGroupNew) -> JsonObject:
    """Make a group of models that are there."""
    models = _models(request, body)
    fields = GroupCreate(access_group_name=body.access_group, access_model_names=models)
    try:
        _, revision = await AccessGroupService(writer_of(request)).create(fields)
    except ApiError as error:
        raise _renamed(error) from error
    response.headers["etag"] = etag(revision)
    return _updated(request, body.access_group, models, body)


async def list_models(
    request: Request,
    response: Response,
    search: SearchText = None,
    page: PageNumber = 1,
    size: PageSize = MOST,
    sort_by: Literal["access_group_id", "access_group", "created_at", "updated_at"] = "access_group_id",
    sort_order: SortOrder = "asc",
) -> JsonObject:
    """Groups with their models; ``search`` is a part of a name."""
    by = "access_group_name" if sort_by == "access_group" else sort_by
    wanted, matching = Wanted(page, size, by, sort_order), _named(search)
    now, counts = services_of(request).clock(), _deployments(request)

    def query(connection: sa.Connection) -> tuple[int, list[JsonObject]]:
        total, rows = LISTING.page(connection, matching, wanted)
        money = budgets.views(connection, rows, now)
        return total, [_info(row, counts) | money[row.id] for row in rows]

    total, shown = await services_of(request).database.read(query)
    tell_total(response, total)
    return {"access_groups": shown}


def _named(search: str | None) -> list[Condition]:
    return [] if search is None else [tenants.ACCESS_GROUPS.search(search, "name")]


async def info_models(request: Request, response: Response, access_group: Named) -> JsonObject:
    """One group with its models."""
    now, counts = services_of(request).clock(), _deployments(request)

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        row = by_name(connection, access_group)
        return _info(row, counts) | budgets.views(connection, [row], now)[row.id], row.revision

    shown, revision = await services_of(request).database.read(query)
    response.headers["etag"] = etag(revision)
    return shown


async def update_models(
    request: Request, response: Response, access_group: Named, body: ModelGroupUpdate
) -> JsonObject:
    """Give a group other models."""
    models = _models(request, body)
    service, fields = AccessGroupService(writer_of(request)), GroupUpdate(access_model_names=models)
    _, revision = await service.update(lambda connection: by_name(connection, access_group), fields)
    response.headers["etag"] = etag(revision)
    return _updated(request, access_group, models, body)


async def get_budget(request: Request, response: Response, access_group: Named) -> JsonObject:
    """What all calls to a group's models may cost together, and have cost in the present window."""
    services = services_of(request)

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        row = by_name(connection, access_group)
        return budgets.view(connection, row, services.clock()), row.revision

    shown, revision = await services.database.read(query)
    response.headers["etag"] = etag(revision)
    return shown


async def put_budget(
    request: Request, response: Response, access_group: Named, body: budgets.GroupBudgetFields
) -> JsonObject:
    """Give a group a budget. It begins with what the spend log knows of the present window."""
    shown, revision = await budgets.GroupBudgetService(writer_of(request)).put(access_group, body)
    response.headers["etag"] = etag(revision)
    return shown


async def delete_budget(request: Request, access_group: Named) -> JsonObject:
    """Take a group's budget away."""
    return await budgets.GroupBudgetService(writer_of(request)).delete(access_group)


async def delete_models(request: Request, access_group: Named) -> JsonObject:
    """Delete a group."""
    service = AccessGroupService(writer_of(request))
    row = await service.delete(lambda connection: by_name(connection, access_group))
    count = _serving(row.models, _deployments(request))
    message = f"Access group '{access_group}' deleted successfully"
    return {"access_group": access_group, "models_updated": count, "message": message}


def _models(request: Request, body: ModelGroupUpdate) -> list[str]:
    """Names of the models that the request means. Raises ApiError 400 for one that is not there."""
    deployments = services_of(request).configuration.snapshot.deployments
    by_deployment = {each.id: each.group for each in deployments}
    groups = set(by_deployment.values())
    prefixes = tuple(group[:-1] for group in groups if group.endswith("*"))
    for name in body.model_names or []:
        if name not in groups and not name.startswith(prefixes):
            raise bad_field("model_names", f"there is no model {name[:60]}")
    for name in body.model_ids or []:
        if name not in by_deployment:
            raise bad_field("model_ids", f"there is no deployment {name[:60]}")
    found = [*(body.model_names or []), *(by_deployment[name] for name in body.model_ids or [])]
    if not found:
        raise bad_field("model_names", "give model_names or model_ids")
    return list(dict.fromkeys(found))


def _deployments(request: Request) -> Counter[str]:
    """How many deployments each model has."""
    return Counter(each.group for each in services_of(request).configuration.snapshot.deployments)


def _serving(models: list[str], counts: Counter[str]) -> int:
    return sum(counts[model] for model in set(models))


def _updated(request: Request, name: str, models: list[str], body: ModelGroupUpdate) -> JsonObject:
    count = _serving(models, _deployments(request))
    return {"access_group": name, "model_names": models, "model_ids": body.model_ids, "models_updated": count}


def _info(row: AccessGroupRow, counts: Counter[str]) -> JsonObject:
    return {
        "access_group": row.name,
        "model_names": row.models,
        "deployment_count": _serving(row.models, counts),
    }


def _renamed(error: ApiError) -> ApiError:
    """The older routes call the name ``access_group``."""
    message = error.message.replace("access_group_name", "access_group")
    param = "access_group" if error.param == "access_group_name" else error.param
    return ApiError(error.status, message, kind=error.kind, param=param)
