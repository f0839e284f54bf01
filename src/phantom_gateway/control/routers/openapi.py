"""``/openapi.json``: the description of every route, for callers with a key."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, FastAPI, Request

from phantom_gateway.control.answers.base import Description
from phantom_gateway.control.guard import route
from phantom_gateway.control.openapi import document
from phantom_gateway.control.policy.actions import Action


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["openapi"])
    route(routes, "GET", "/openapi.json", Action.SELF, openapi, answer=Description)
    return routes


async def openapi(request: Request) -> dict[str, Any]:
    """This description (OpenAPI 3.1)."""
    app: FastAPI = request.app
    if app.openapi_schema is None:
        app.openapi_schema = document(app)
    return app.openapi_schema
