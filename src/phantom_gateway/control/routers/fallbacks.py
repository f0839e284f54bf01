"""``/fallback``: the models that are tried when a model fails."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

from phantom_gateway.control.answers import served as answers
from phantom_gateway.control.commit import content_tag, etag
from phantom_gateway.control.errors import not_found
from phantom_gateway.control.fallbacks.fields import FallbackNew, FallbackType
from phantom_gateway.control.fallbacks.service import FallbackService, of_the_file, row_id
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.store.tenants import OVERRIDES

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["fallbacks"])
    route(routes, "POST", "/fallback", Action.FALLBACK_WRITE, put, answer=answers.FallbackSet, tagged=True)
    route(routes, "GET", "/fallback/{model:path}", Action.FALLBACK_READ, get, answer=answers.FallbackView)
    route(routes, "DELETE", "/fallback/{model:path}", Action.FALLBACK_WRITE, delete, answer=answers.FallbackGone)
    return routes


async def put(request: Request, body: FallbackNew) -> JsonObject:
    """Set the fallbacks of a model, in order; every worker uses them when this answers."""
    new = await FallbackService(writer_of(request)).put(body)
    return {**body.model_dump(), "message": f"Fallback configuration {'created' if new else 'updated'} successfully"}


async def get(request: Request, response: Response, model: str, fallback_type: FallbackType = "general") -> JsonObject:
    """The fallbacks of a model; `source` says who set them."""
    services = services_of(request)
    row = await services.database.read(lambda connection: OVERRIDES.get(connection, row_id(model, fallback_type)))
    found = of_the_file(services, model, fallback_type)
    if not found and row is None:
        raise not_found("No fallbacks are set for this model.", "model")
    shown = {
        "model": model,
        "fallback_models": found or (row.value if row is not None else []),
        "fallback_type": fallback_type,
        "source": "config" if found else "db",
    }
    response.headers["etag"] = content_tag(shown) if found or row is None else etag(row.revision)
    return shown


async def delete(request: Request, model: str, fallback_type: FallbackType = "general") -> JsonObject:
    """Remove the fallbacks that were set over the API."""
    await FallbackService(writer_of(request)).delete(model, fallback_type)
    return {"model": model, "fallback_type": fallback_type, "message": "Fallback configuration deleted successfully"}
