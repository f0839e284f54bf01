"""``/health*``: of control itself (the gateway answers the same paths for its worker), and of the upstreams."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from phantom_gateway.config.errors import shown
from phantom_gateway.control.answers import health as answers
from phantom_gateway.control.answers.base import REFUSED
from phantom_gateway.control.checks.fields import ConnectionTest
from phantom_gateway.control.checks.log import view
from phantom_gateway.control.checks.passive import of_traffic
from phantom_gateway.control.checks.service import check_all, check_one
from phantom_gateway.control.errors import ApiError, bad_field
from phantom_gateway.control.guard import caller_of, route, services_of, writer_of
from phantom_gateway.control.models.fields import ModelNew
from phantom_gateway.control.models.service import ModelService
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.timestamps import iso
from phantom_gateway.store.database import DatabaseError

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["health"])
    route(routes, "GET", "/health/liveliness", Action.PUBLIC, alive, answer=str)
    route(routes, "GET", "/health/liveness", Action.PUBLIC, alive, answer=str)
    route(routes, "GET", "/health/readiness", Action.PUBLIC, ready, answer=answers.Ready)
    route(routes, "GET", "/health/readiness/details", Action.HEALTH_CHECK, details, answer=answers.Details)
    route(routes, "GET", "/health", Action.HEALTH_CHECK, health, answer=answers.HealthRound)
    route(routes, "GET", "/health/latest", Action.HEALTH_CHECK, latest, answer=answers.HealthLatest)
    route(routes, "GET", "/health/history", Action.HEALTH_CHECK, history, answer=answers.HealthHistory)
    route(routes, "GET", "/health/services", Action.HEALTH_CHECK, log_sink, answer=REFUSED)
    route(routes, "GET", "/health/backlog", Action.HEALTH_CHECK, backlog, answer=answers.Backlog)
    route(routes, "GET", "/health/drain", Action.HEALTH_CHECK, drain, answer=REFUSED)
    route(routes, "GET", "/health/license", Action.HEALTH_CHECK, edition, answer=answers.Edition)
    route(routes, "GET", "/health/shared-status", Action.HEALTH_CHECK, shared, answer=answers.SharedStatus)
    route(
        routes, "POST", "/health/test_connection", Action.MODEL_WRITE, test_connection, answer=answers.ConnectionTested
    )
    return routes


async def alive() -> str:
    """The process answers."""
    return "I'm alive!"


async def ready(request: Request) -> JSONResponse:
    """The database answers."""
    if not await _database_answers(request):
        return _answer(503, {"status": "unhealthy", "db": "Not connected"})
    return _answer(200, {"status": "healthy", "db": "connected"})


async def details(request: Request) -> JsonObject:
    """What stands behind the readiness."""
    services = services_of(request)
    connected = await _database_answers(request)
    return {
        "status": "healthy" if connected else "unhealthy",
        "db": "connected" if connected else "Not connected",
        "cache": None,
        "success_callbacks": [],
        "workers": services.workers.ready_workers,
        "revision": services.configuration.snapshot.revision,
        "configuration": "refused" if services.configuration.problems else "ok",
    }


async def health(request: Request, model: str | None = None, model_id: str | None = None) -> JsonObject:
    """Call every deployment (or those of a model, or one) with a smallest request. This costs what such requests cost."""
    services = services_of(request)
    wanted = [
        each
        for each in services.configuration.snapshot.deployments
        if model in (None, each.group, each.model, f"{each.provider}/{each.model}") and model_id in (None, each.id)
    ]
    if not wanted and (model or model_id):
        raise bad_field("model_id" if model_id else "model", "no such model")
    return (await check_all(services, wanted, caller_of(request).name)).view()


async def latest(request: Request) -> JsonObject:
    """The last check of each deployment, and what the traffic of this node's workers says of it; no call is made.

    In `deployments` the state is that of the worker that thinks worst: `closed`, `resting` (asked for), `half_open`, `open`.
    """
    services = services_of(request)
    found = services.checks.latest()
    return {
        "deployments": of_traffic(services.configuration.snapshot.deployments, services.workers.healths),
        "latest_health_checks": {name: view(check, iso(check.at)) for name, check in found.items()},
        "total_models": len(found),
    }


async def history(
    request: Request,
    model: str | None = None,
    status_filter: Literal["healthy", "unhealthy", "unknown"] | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
) -> JsonObject:
    """Checks since control has started, the newest first; no call is made."""
    total, found = services_of(request).checks.page(model, status_filter, (offset, limit))
    return {
        "health_checks": [view(check, iso(check.at)) for check in found],
        "total_records": total,
        "limit": limit,
        "offset": offset,
    }


async def log_sink(service: Annotated[str, Query(min_length=1, max_length=100)]) -> JsonObject:
    """Tests of log sinks and alerts: there are none in this release, so every name is refused."""
    raise bad_field("service", f"{shown(service)} is not there: this release has no log sinks and no alerts")


async def backlog(request: Request) -> JsonObject:
    """Requests in flight on the workers of this node, as they last reported."""
    return {"in_flight_requests": sum(load.in_flight for load in services_of(request).workers.loads.values())}


async def drain() -> JsonObject:
    """Always refused: a GET changes nothing here. SIGTERM drains (`phantom.drain_grace`)."""
    raise ApiError(
        400, "Draining begins with SIGTERM to the gateway; running requests then finish (phantom.drain_grace)."
    )


async def edition() -> JsonObject:
    """There is one edition, and no licence."""
    return {
        "has_license": False,
        "license_type": "open",
        "expiration_date": None,
        "allowed_features": [],
        "limits": {"max_users": None, "max_teams": None},
    }


async def shared() -> JsonObject:
    """Checks are made when they are asked for; no other node's are used."""
    return {"shared_health_check_enabled": False, "status": None}


async def test_connection(request: Request, body: ConnectionTest) -> JsonObject:
    """Call a model that is not served yet, under the same rules as `/model/new`."""
    new = ModelNew(
        model_name="test_connection",
        litellm_params=body.litellm_params,
        model_info={name: value for name, value in body.model_info.items() if name != "id"},
    )
    deployment = await ModelService(writer_of(request)).compiled(new)
    if body.mode is not None:
        deployment = msgspec.structs.replace(deployment, mode=body.mode)
    outcome = await check_one(services_of(request), deployment, body.mode)
    result = {"model": body.litellm_params.get("model"), "response_time_ms": outcome.duration_ms}
    if outcome.healthy:
        return {"status": "success", "result": result}
    result |= {"error": outcome.error, "exception_status": outcome.status}
    return {"status": "error", "result": result}


async def _database_answers(request: Request) -> bool:
    try:
        await services_of(request).database.read(
            lambda connection: connection.execute(sa.text("SELECT 1")).scalar_one()
        )
    except DatabaseError:
        return False
    return True


def _answer(status: int, content: JsonObject) -> JSONResponse:
    return JSONResponse(content, status_code=status)
