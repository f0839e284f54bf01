from __future__ import annotations

from fastapi import FastAPI
from fastapi.routing import APIRoute
from tests.unit.control.rig import Rig, bearer

from phantom_gateway.control.app import create_app
from phantom_gateway.control.guard import GuardedRoute
from phantom_gateway.control.permissions import Permission

PUBLIC = {
    "/health/liveliness": "a process manager has no key; it learns one constant word",
    "/health/liveness": "the same under the name Kubernetes users expect",
    "/health/readiness": "a load balancer has no key; it learns whether the database answers",
}
"""Routes without authentication, each with its reason. The list may only shrink."""

ANY_KEY = {"/key/info", "/spend/logs", "/model/info", "/v1/model/info", "/model_group/info"}
"""Routes for virtual keys: their handlers show a key its own things only."""


def routes(app: FastAPI) -> list[APIRoute]:
    return [route for route in app.routes if isinstance(route, APIRoute)]


def concrete(path: str) -> str:
    return path.replace("{", "").replace("}", "")


async def test_every_route_declares_its_permission(control: Rig) -> None:
    app = create_app(control.services)
    found = routes(app)
    assert len(found) == len(app.routes) >= 15, "no documentation routes, no mounts"
    for route in found:
        assert isinstance(route, GuardedRoute), route.path
        assert (route.permission is Permission.PUBLIC) == (route.path in PUBLIC), route.path
        assert (route.permission is Permission.ANY_KEY) == (route.path in ANY_KEY), route.path


async def test_every_route_enforces_its_permission(control: Rig) -> None:
    """Asked for real: without a key, with a wrong one, with a virtual one; with a body that is not even JSON."""
    assert len(routes(create_app(control.services))) >= 15
    key = (await control.generate())["key"]
    wrong = "sk-ph-" + "A" * 38
    for route in routes(create_app(control.services)):
        for method in route.methods or set():
            for headers in ({}, bearer(wrong), bearer("sk-unknown-unknown-unknown"), {"x-api-key": ""}):
                answer = await control.http.request(method, concrete(route.path), headers=headers, content=b"{")
                if route.path in PUBLIC:
                    assert answer.status_code == 200, route.path
                else:
                    assert answer.status_code == 401, (route.path, headers)
                    assert answer.headers["www-authenticate"] == "Bearer"
            answer = await control.http.request(method, concrete(route.path), headers=bearer(key), content=b"{")
            admin = route.path not in PUBLIC and route.path not in ANY_KEY
            assert (answer.status_code == 403) == admin, route.path


async def test_unknown_routes_answer_as_litellm_does(control: Rig) -> None:
    answer = await control.get("/nope")
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    for path in ("/docs", "/redoc", "/openapi.json", "/key/info/"):
        assert (await control.get(path)).status_code == 404
