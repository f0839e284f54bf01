"""Health of control itself; the gateway answers the same paths for its worker."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse

from phantom_gateway.control.guard import route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.store.database import DatabaseError


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["health"])
    route(routes, "GET", "/health/liveliness", Action.PUBLIC, alive)
    route(routes, "GET", "/health/liveness", Action.PUBLIC, alive)
    route(routes, "GET", "/health/readiness", Action.PUBLIC, ready)
    return routes


async def alive() -> str:
    """The process answers."""
    return "I'm alive!"


async def ready(request: Request) -> JSONResponse:
    """The database answers."""
    try:
        await services_of(request).database.read(
            lambda connection: connection.execute(sa.text("SELECT 1")).scalar_one()
        )
    except DatabaseError:
        return _answer(503, {"status": "unhealthy", "db": "Not connected"})
    return _answer(200, {"status": "healthy", "db": "connected"})


def _answer(status: int, content: dict[str, Any]) -> JSONResponse:
    return JSONResponse(content, status_code=status)
