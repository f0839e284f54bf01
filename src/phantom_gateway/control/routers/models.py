"""``/model/*`` and ``/model_group/*``: what is served, from the file and from the database, and how to change the latter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import served as answers
from phantom_gateway.control.answers.base import Message
from phantom_gateway.control.commit import content_tag, etag
from phantom_gateway.control.entities.chain import access_groups, expanded
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of, writer_of
from phantom_gateway.control.models import listing
from phantom_gateway.control.models.fields import ModelBlock, ModelDelete, ModelId, ModelNew, ModelUpdate
from phantom_gateway.control.models.listing import Listed, SortBy
from phantom_gateway.control.models.service import ModelService
from phantom_gateway.control.models.view import info_view
from phantom_gateway.control.models_view import group_view, model_view
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import reach
from phantom_gateway.control.teams.service import existing
from phantom_gateway.spine.model_access import ModelNames
from phantom_gateway.spine.snapshot import Deployment
from phantom_gateway.store.tenants import MODELS, ORGANIZATIONS, ModelRow

JsonObject = dict[str, Any]
Name = Annotated[str | None, Query(min_length=1, max_length=255)]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["models"])
    route(routes, "POST", "/model/new", Action.MODEL_WRITE, new, answer=answers.ModelRecord)
    route(routes, "POST", "/model/update", Action.MODEL_WRITE, update, answer=answers.ModelRecord)
    route(routes, "PATCH", "/model/{model_id}/update", Action.MODEL_WRITE, patch, answer=answers.ModelRecord)
    route(routes, "POST", "/model/delete", Action.MODEL_WRITE, delete, answer=Message)
    route(routes, "POST", "/model/block", Action.MODEL_WRITE, block, answer=answers.ModelRecord)
    route(routes, "POST", "/model/unblock", Action.MODEL_WRITE, unblock, answer=answers.ModelRecord)
    route(routes, "GET", "/model/info", Action.MODEL_READ, model_info, answer=answers.ModelList)
    route(routes, "GET", "/v1/model/info", Action.MODEL_READ, model_info, answer=answers.ModelList)
    route(routes, "GET", "/v2/model/info", Action.MODEL_READ, model_info_paged, answer=answers.ModelPage)
    route(routes, "GET", "/model_group/info", Action.MODEL_READ, model_group_info, answer=answers.ModelGroups)
    return routes


async def new(request: Request, response: Response, body: ModelNew) -> JsonObject:
    """Add a model; every worker serves it when this answers."""
    return _tagged(response, *await _service(request).create(body))


async def update(request: Request, response: Response, body: ModelUpdate) -> JsonObject:
    """Change the named fields of the model that `model_info.id` (or `id`) names."""
    model_id = (body.model_info or {}).get("id") or body.id
    if not isinstance(model_id, str) or not model_id:
        raise bad_field("model_info.id", "name the model to change")
    return _tagged(response, *await _service(request).update(model_id, body))


async def patch(request: Request, response: Response, model_id: ModelId, body: ModelUpdate) -> JsonObject:
    """Change the named fields of a model."""
    if body.id not in (None, model_id):
        raise bad_field("id", "is not the id in the path")
    return _tagged(response, *await _service(request).update(model_id, body))


async def delete(request: Request, body: ModelDelete) -> JsonObject:
    """Remove a model of the database."""
    await _service(request).delete(body.id)
    return {"message": f"Model: {body.id} deleted successfully"}


async def block(request: Request, response: Response, body: ModelBlock) -> JsonObject:
    """Take a model of the database out of service."""
    return _tagged(response, *await _service(request).set_blocked(body.model_id, blocked=True))


async def unblock(request: Request, response: Response, body: ModelBlock) -> JsonObject:
    """Bring a blocked model back."""
    return _tagged(response, *await _service(request).set_blocked(body.model_id, blocked=False))


async def model_info(
    request: Request,
    response: Response,
    litellm_model_id: str | None = None,
    teamId: Name = None,  # noqa: N803
    include_team_models: bool = False,  # noqa: ARG001 # LiteLLM's; there are no models that only a team sees
    healthy_only: bool = False,
) -> JsonObject:
    """All deployments, or the one with this id; `model_info.db_model` says who owns it.

    `healthy_only` leaves out those whose last check has failed.
    """
    admitted = await _of_team(request, teamId)
    listed = [each for each in await _listed(request) if litellm_model_id in (None, each.id) and admitted(each.name)]
    if healthy_only:
        checks = services_of(request).checks.latest()
        ill = {name for name, check in checks.items() if check.status == "unhealthy"}
        listed = [each for each in listed if each.id not in ill]
    found = await _views(request, listed)
    if litellm_model_id is not None:
        if not found:
            raise bad_field("litellm_model_id", "no such model")
        row = await services_of(request).database.read(lambda connection: MODELS.get(connection, litellm_model_id))
        response.headers["etag"] = content_tag(found) if row is None else etag(row.revision)
    return {"data": found}


async def model_info_paged(
    request: Request,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=1000)] = 50,
    search: Annotated[str | None, Query(max_length=255)] = None,
    model: Annotated[str | None, Query(max_length=255)] = None,
    modelId: Annotated[str | None, Query(max_length=255)] = None,  # noqa: N803 # LiteLLM's name
    access_group: Annotated[str | None, Query(max_length=255)] = None,
    teamId: Name = None,  # noqa: N803
    user_models_only: bool = False,
    wildcard_only: bool = False,
    include_team_models: bool = False,  # noqa: ARG001 # LiteLLM's, as the two below: none of these is there
    exclude_auto_routers: bool = False,  # noqa: ARG001
    debug: bool = False,  # noqa: ARG001
    sortBy: SortBy | None = None,  # noqa: N803
    sortOrder: Literal["asc", "desc"] = "asc",  # noqa: N803
) -> JsonObject:
    """Deployments by pages; `search` looks for a part of the name, upper or lower case.

    `teamId`: what a team may use; `user_models_only`: what the caller has added.
    """
    wanted, mine = search.lower() if search else "", caller_of(request).name
    admitted = await _of_team(request, teamId)
    listed = [
        each
        for each in await _listed(request)
        if wanted in each.name.lower()
        and model in (None, each.name)
        and modelId in (None, each.id)
        and admitted(each.name)
        and (not user_models_only or (each.outline is not None and each.outline.created_by == mine))
        and (not wildcard_only or "*" in each.name)
        and (access_group is None or access_group in each.access_groups)
    ]
    if sortBy is not None:
        listed.sort(key=lambda each: each.order(sortBy), reverse=sortOrder == "desc")
    return {
        "data": await _views(request, listed[(page - 1) * size : page * size]),
        "total_count": len(listed),
        "current_page": page,
        "total_pages": -(-len(listed) // size),
        "size": size,
    }


async def model_group_info(request: Request, model_group: str | None = None) -> JsonObject:
    """Deployments summed up by public model name."""
    groups: dict[str, list[Deployment]] = {}
    for one in _served(request):
        if model_group in (None, one.group):
            groups.setdefault(one.group, []).append(one)
    return {"data": [group_view(name, members) for name, members in groups.items()]}


def _service(request: Request) -> ModelService:
    return ModelService(writer_of(request))


def _tagged(response: Response, view: JsonObject, revision: int) -> JsonObject:
    response.headers["etag"] = etag(revision)
    return view


def _served(request: Request) -> list[Deployment]:
    """A key sees the models it may use; who may see everything sees those of teams, too."""
    snapshot = services_of(request).configuration.snapshot
    served, full = ModelNames(snapshot).served(caller_of(request).key), reach_of(request).everything
    return [one for one in snapshot.deployments if (one.group, one.team_id) in served or (full and one.team_id)]


async def _listed(request: Request) -> list[Listed]:
    """What is served and, for those who may see everything, what of the database is not (blocked, or left out)."""
    outlines = {each.id: each for each in await services_of(request).database.read(listing.outlines)}
    found = [
        listing.of_deployment(one, outlines.pop(one.id, None) if one.db_model else None) for one in _served(request)
    ]
    if reach_of(request).everything:
        found += [listing.of_outline(each) for each in outlines.values()]
    return found


async def _of_team(request: Request, team_id: str | None) -> Callable[[str], bool]:
    """Whether a team may use a model. Raises ApiError 404 for a team out of reach."""
    if team_id is None:
        return lambda _name: True
    services, far = services_of(request), reach(caller_of(request).actor, Action.TEAM_READ)

    def query(connection: sa.Connection) -> list[tuple[str, ...]]:
        team = existing(connection, team_id, far, "teamId")
        org = None if team.org_id is None else ORGANIZATIONS.get(connection, team.org_id)
        groups = access_groups(connection)
        lists = [[*team.models, *team.access_groups], org.models if org else []]
        return [expanded(models, groups) for models in lists]

    lists, names = await services.database.read(query), ModelNames(services.configuration.snapshot)
    return lambda name: all(names.admits(models, name) for models in lists)


async def _views(request: Request, listed: list[Listed]) -> list[JsonObject]:
    """The models of a list as they are shown."""
    stored = [each.id for each in listed if each.outline is not None]
    rows: dict[str, ModelRow] = {}
    if stored:
        read = services_of(request).database.read
        rows = {row.id: row for row in await read(lambda connection: MODELS.of(connection, "id", stored))}
    full = reach_of(request).everything
    found = []
    for each in listed:
        row = rows.get(each.id) if each.outline is not None else None
        if row is not None:
            found.append(info_view(row, each.deployment, full=full))
        elif each.deployment is not None:
            found.append(model_view(each.deployment, full=full))
    return found
