"""``/config/reload/status``: which configuration is served, and why not a newer one."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from phantom_gateway.control.guard import route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.timestamps import iso


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["configuration"])
    route(routes, "GET", "/config/reload/status", Action.CONFIG_READ, status)
    return routes


async def status(request: Request) -> dict[str, Any]:
    """The revision in force and the outcome of the last attempt to load a newer one."""
    configuration = services_of(request).configuration
    return {
        "status": "refused" if configuration.problems else "ok",
        "revision": configuration.snapshot.revision,
        "deployments": len(configuration.snapshot.deployments),
        "loaded_at": iso(configuration.loaded_at),
        "failed_at": iso(configuration.failed_at),
        "problems": list(configuration.problems),
        "notes": list(configuration.notes),
        "workers": services_of(request).workers.ready_workers,
    }
