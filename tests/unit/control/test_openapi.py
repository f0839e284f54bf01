from __future__ import annotations

import inspect
from typing import Any

import pytest
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.walk import Walk

from phantom_gateway.control.answers.base import REFUSED, Reply
from phantom_gateway.control.app import create_app
from phantom_gateway.control.guard import routes_of
from phantom_gateway.control.openapi import document
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.dialects.operations import find

pytestmark = pytest.mark.slow


def references(value: Any) -> set[str]:
    if isinstance(value, dict):
        found = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
        return found.union(*(references(item) for item in value.values()))
    return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()


async def test_every_route_is_described_whole(control: Rig) -> None:
    app = create_app(control.services)
    made = document(app)
    described = {(path, method) for path, operations in made["paths"].items() for method in operations}
    routes = routes_of(app)
    assert len(routes) >= 60
    for route in routes:
        for method in route.methods or ():
            where = (route.path_format, method.lower())
            assert where in described
            operation = made["paths"][where[0]][where[1]]
            assert operation["summary"].endswith("."), (where, "the handler has no text")
            assert operation["tags"], where
            assert "422" not in operation["responses"], "refused fields are 400 here"
            known = {parameter["name"] for parameter in operation.get("parameters", ()) if parameter["in"] != "header"}
            named = {each.alias for each in (*route.dependant.query_params, *route.dependant.path_params)}
            assert named == known, where
            body = [each for each in inspect.signature(route.endpoint).parameters if each == "body"]
            assert bool(body) == ("requestBody" in operation) or route.reads is not None, where
            if body:
                content = operation["requestBody"]["content"]["application/json"]["schema"]
                assert content, where
            if route.action is not Action.PUBLIC:
                assert {"400", "401", "403", "503"} <= operation["responses"].keys(), where
                assert operation["security"] == [{"key": []}], where
                assert operation["x-action"] == route.action.value


FREE = {
    "metadata", "before_value", "updated_values", "litellm_params", "credential_info", "router_settings", "values",
    "settings", "trail", "routing_trail", "details", "fields", "model_max_budget", "info", "paths", "components",
    "config", "permissions", "agent_id", "disable_global_guardrails", "field_value", "field_default_value",
    "nested_fields", "raw_request_body", "raw_request_headers", "original_response", "model_info",
}  # fmt: skip
"""Properties that hold what somebody has stored or configured, or what belongs to a provider. The list may only shrink."""


def untyped(schema: Any, schemas: dict[str, Any], name: str = "", seen: frozenset[str] = frozenset()) -> set[str]:
    """Where a schema says nothing of what is there."""
    if "$ref" in schema:
        reference = schema["$ref"].rpartition("/")[2]
        return set() if reference in seen else untyped(schemas[reference], schemas, name, seen | {reference})
    found = set().union(*(untyped(each, schemas, name, seen) for each in schema.get("anyOf", ())))
    if schema.get("type") == "array":
        return found | untyped(schema["items"], schemas, name, seen)
    more = schema.get("additionalProperties")
    if isinstance(more, dict):
        found |= untyped(more, schemas, name, seen)
    if schema.get("type") == "object" and (more is True or (more is None and "properties" not in schema)):
        found.add(name)
    if not schema.keys() & {"type", "anyOf", "const", "enum"}:
        found.add(name)
    return found.union(*(untyped(each, schemas, at, seen) for at, each in schema.get("properties", {}).items()))


async def test_every_answer_has_a_type(control: Rig) -> None:
    app = create_app(control.services)
    made = document(app)
    free = set()
    for route in routes_of(app):
        if route.answer is REFUSED:
            continue
        for method in route.methods or ():
            answers = made["paths"][route.path_format][method.lower()]["responses"]
            (success,) = [answer for status, answer in answers.items() if status < "400"]
            for content in success.get("content", {}).values():
                found = untyped(content["schema"], made["components"]["schemas"])
                assert found <= FREE, (method, route.path, found - FREE)
                free |= found
            if not success.get("content"):
                assert isinstance(route.answer, Reply), (method, route.path)
                assert route.answer.status in (204, 303, 307), (method, route.path)
    assert free == FREE, FREE - free


async def test_answers_are_as_described(control: Rig) -> None:
    """Every route is asked for real; nothing is in an answer that is not described, and nothing is missing."""
    walk = Walk(control)
    await walk.all()
    named = {(method, route.path) for route in walk.routes for method in route.methods or ()}
    assert named - walk.seen == set()
    tagged = {(method, route.path) for route in walk.routes for method in route.methods or () if route.shows_tag}
    assert walk.tagged == tagged
    counted = {(method, route.path) for route in walk.routes for method in route.methods or () if route.counts}
    assert walk.counted == counted


async def test_changes_take_if_match(control: Rig) -> None:
    made = document(create_app(control.services))
    for where in (("/key/update", "post"), ("/v1/access_group/{access_group_id}", "delete")):
        names = {each["name"] for each in made["paths"][where[0]][where[1]]["parameters"]}
        assert {"If-Match", "litellm-changed-by"} <= names
    assert "If-Match" not in str(made["paths"]["/v2/key/info"])
    answer = made["paths"]["/key/info"]["get"]["responses"]["200"]
    assert "ETag" in answer["headers"]
    login = made["paths"]["/v2/login"]["post"]["requestBody"]["content"]
    assert login["application/json"]["schema"]["$ref"].endswith("/LoginBody")


async def test_what_is_referred_to_exists_and_ids_are_unique(control: Rig) -> None:
    made = document(create_app(control.services))
    names = {reference.removeprefix("#/components/schemas/") for reference in references(made)}
    assert names <= made["components"]["schemas"].keys()
    operations = [each for path in made["paths"].values() for each in path.values()]
    ids = [each["operationId"] for each in operations]
    assert len(set(ids)) == len(ids)


async def test_the_data_plane_is_in_it(control: Rig) -> None:
    made = document(create_app(control.services))
    for path in ("/models", "/v1/models/{model_id}"):
        assert made["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
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
