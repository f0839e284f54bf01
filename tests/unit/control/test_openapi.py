from __future__ import annotations

import inspect
from typing import Any

from fastapi.routing import APIRoute
from tests.unit.control.rig import Rig, bearer

from phantom_gateway.control.app import create_app
from phantom_gateway.control.guard import GuardedRoute
from phantom_gateway.control.openapi import document
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.dialects.operations import find


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()


async def test_every_route_is_described_whole(control: Rig) -> None:
    app = create_app(control.services)
    made = document(app)
    described = {(path, method) for path, operations in made["paths"].items() for method in operations}
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    assert len(routes) >= 60
    for route in routes:
        assert isinstance(route, GuardedRoute)
        for method in route.methods or ():
            where = (route.path_format, method.lower())
            assert where in described
            operation = made["paths"][where[0]][where[1]]
            assert operation["summary"].endswith("."), (where, "the handler has no text")
            assert operation["tags"], where
            schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
            assert schema.get("type") or schema.get("$ref") or schema.get("anyOf"), where
            assert "422" not in operation["responses"], "refused fields are 400 here"
            known = {parameter["name"] for parameter in operation.get("parameters", ())}
            named = {each.alias for each in (*route.dependant.query_params, *route.dependant.path_params)}
            assert named == known - {each.alias for each in route.dependant.header_params}, where
            body = [each for each in inspect.signature(route.endpoint).parameters if each == "body"]
            assert bool(body) == ("requestBody" in operation), where
            if body:
                content = operation["requestBody"]["content"]["application/json"]["schema"]
                assert content, where
            if route.action is not Action.PUBLIC:
                assert {"400", "401", "403", "503"} <= operation["responses"].keys(), where
                assert operation["security"] == [{"key": []}], where
                assert operation["x-action"] == route.action.value


async def test_what_is_referred_to_exists_and_ids_are_unique(control: Rig) -> None:
    made = document(create_app(control.services))
    names = {reference.removeprefix("#/components/schemas/") for reference in references(made)}
    assert names <= made["components"]["schemas"].keys()
    operations = [each for path in made["paths"].values() for each in path.values()]
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids)


async def test_the_data_plane_is_in_it(control: Rig) -> None:
    made = document(create_app(control.services))
    for path in ("/v1/chat/completions", "/embeddings", "/openai/deployments/{model}/chat/completions"):
        assert find(path.replace("{model}", "m").encode()) is not None
        assert "text/event-stream" in str(made["paths"][path]["post"]) or "embeddings" in path
    about = made["paths"]["/v1/responses/{response_id}"]
    assert set(about) == {"get", "delete"}
    assert "requestBody" not in about["get"]
    assert set(made["paths"]["/v1/responses/{response_id}/cancel"]) == {"post"}


async def test_it_takes_a_key(control: Rig) -> None:
    assert (await control.http.get("/openapi.json")).status_code == 401
    key = (await control.generate())["key"]
    first = await control.get("/openapi.json", headers=bearer(key))
    assert first.status_code == 200
    assert first.json()["openapi"].startswith("3.1")
    assert first.json() == (await control.get("/openapi.json")).json()
