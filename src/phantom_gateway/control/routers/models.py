"""``/model/info`` and ``/model_group/info``: what is configured, read-only, without secrets."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import caller_of, route, services_of
from phantom_gateway.control.models_view import group_view, model_view
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.spine.model_access import ModelNames
from phantom_gateway.spine.snapshot import Deployment

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["models"])
    route(routes, "GET", "/model/info", Action.MODEL_READ, model_info)
    route(routes, "GET", "/v1/model/info", Action.MODEL_READ, model_info)
    route(routes, "GET", "/model_group/info", Action.MODEL_READ, model_group_info)
    return routes


def _visible(request: Request) -> list[Deployment]:
    """A key sees the models it may use."""
    snapshot = services_of(request).configuration.snapshot
    groups = ModelNames(snapshot).groups(caller_of(request).key)
    return [one for one in snapshot.deployments if one.group in groups]


async def model_info(request: Request, litellm_model_id: str | None = None) -> JsonObject:
    """All deployments, or the one with this id."""
    found = [one for one in _visible(request) if litellm_model_id in (None, one.id)]
    if litellm_model_id is not None and not found:
        raise bad_field("litellm_model_id", "no such model")
    return {"data": [model_view(one) for one in found]}


async def model_group_info(request: Request, model_group: str | None = None) -> JsonObject:
    """Deployments summed up by public model name."""
    groups: dict[str, list[Deployment]] = {}
    for one in _visible(request):
        if model_group in (None, one.group):
            groups.setdefault(one.group, []).append(one)
    return {"data": [group_view(name, members) for name, members in groups.items()]}
