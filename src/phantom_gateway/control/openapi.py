"""The description of every route, as OpenAPI 3.1, made from the routes themselves.

What a handler answers is its ``answer`` where the router names one, else what its annotation says. Beside the admin API stand
the paths of the data plane, by ``dialects.operations``.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import TypeAdapter
from starlette.responses import Response

from phantom_gateway.control.guard import GuardedRoute
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.dialects import operations
from phantom_gateway.dialects.operations import Operation, paths

_AUTHORS = {operations.OPENAI: "OpenAI", operations.ANTHROPIC: "Anthropic"}
TITLE = "Phantom Gateway"
REF = "#/components/schemas/{model}"

JsonObject = dict[str, Any]

_ERROR: JsonObject = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"], "description": "The field that is meant."},
                "code": {"type": "string", "description": "The status, as text."},
            },
        }
    },
}
_WORDS = {
    400: "A field or parameter is refused; `param` names it. Nothing was changed.",
    401: "No key, or one that is not valid.",
    403: "The caller may not do this.",
    404: "There is no such thing, or it is out of the caller's reach.",
    409: "Two changes at once, or the thing belongs to the configuration file.",
    412: "The thing is not what `If-Match` says.",
    413: "The request body is too large.",
    503: "The database cannot answer at the moment.",
}


def document(app: FastAPI) -> JsonObject:
    """The whole description."""
    routes = [route for route in app.routes if isinstance(route, GuardedRoute)]
    made: JsonObject = get_openapi(title=TITLE, version="1", routes=routes, separate_input_output_schemas=False)
    schemas: JsonObject = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Error"] = _ERROR
    for route in routes:
        for method in route.methods or ():
            _complete(made["paths"][route.path_format][method.lower()], route, schemas)
    for path, operation in paths():
        made["paths"].setdefault(path, {})["post"] = _call(path, operation)
    made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return made


def _complete(operation: JsonObject, route: GuardedRoute, schemas: JsonObject) -> None:
    text = inspect.getdoc(route.endpoint) or ""
    operation["summary"] = text.partition("\n")[0]
    operation["description"] = text
    operation["x-action"] = route.action.value
    answer = operation["responses"].pop("200", {})
    success = {**answer, "description": "Done.", "content": {"application/json": {"schema": _schema(route, schemas)}}}
    operation["responses"] = {"200": success, **{str(code): _error(code) for code in _codes(operation, route)}}
    if route.action is not Action.PUBLIC:
        operation["security"] = [{"key": []}]


def _codes(operation: JsonObject, route: GuardedRoute) -> Iterator[int]:
    writes = "GET" not in (route.methods or ())
    if route.action is Action.PUBLIC:
        yield 503
        return
    yield from (400, 401, 403)
    if writes or "{" in route.path_format or operation.get("parameters"):
        yield 404
    if writes:
        yield from (409, 412)
    if "requestBody" in operation:
        yield 413
    yield 503


def _error(code: int) -> JsonObject:
    schema = {"$ref": REF.format(model="Error")}
    return {"description": _WORDS[code], "content": {"application/json": {"schema": schema}}}


def _schema(route: APIRoute, schemas: JsonObject) -> JsonObject:
    answer: Any = getattr(route, "answer", None) or typing.get_type_hints(route.endpoint, include_extras=True).get(
        "return"
    )
    if inspect.isclass(answer) and issubclass(answer, Response):
        return {"type": "object"}
    schema = TypeAdapter(answer).json_schema(ref_template=REF, mode="serialization")
    schemas.update(schema.pop("$defs", {}))
    name = schema.get("title")
    if name and schema.get("type") == "object" and inspect.isclass(answer):
        schemas[name] = schema
        return {"$ref": REF.format(model=name)}
    return schema


def _call(path: str, operation: Operation) -> JsonObject:
    """A path of the data plane: what it acts on; everything else passes to the provider as it is."""
    fields: JsonObject = {"model": {"type": "string"}, operation.input_field: {}}
    fields |= {name: {"type": "integer", "minimum": 0} for name in operation.output_fields}
    content: JsonObject = {"application/json": {"schema": {"type": "object"}}}
    media = operation.media
    if media is not None and media.raw:
        content = {"audio/*": {"schema": {"type": "string", "format": "binary"}}}
    if operation.streams:
        fields["stream"] = {"type": "boolean"}
        content["text/event-stream"] = {"schema": {"type": "string"}}
    required = (
        [operation.input_field] if "{model}" in path or (media and media.model) else ["model", operation.input_field]
    )
    body = {"type": "object", "required": required, "properties": fields, "additionalProperties": True}
    made: JsonObject = {
        "operationId": f"{operation.name}{path.replace('/', '_').replace('{', '').replace('}', '')}",
        "summary": f"{operation.name.capitalize().replace('_', ' ')}, as {_AUTHORS[operation.errors]}'s API has it.",
        "tags": ["models: calls"],
        "requestBody": {
            "required": True,
            "content": {
                kind: {"schema": body}
                for kind in ("application/json", *(["multipart/form-data"] if media and media.form else []))
            },
        },
        "responses": {
            "200": {"description": "The provider's answer.", "content": content},
            **{str(code): _error(code) for code in (400, 401, 403, 413, 503)},
            "429": {**_error(400), "description": "A rate limit is reached, or no deployment can serve."},
            "422": {**_error(400), "description": "A budget is exceeded (`budget_exceeded_status_code`)."},
            "default": {**_error(400), "description": "The upstream failed."},
        },
        "security": [{"key": []}],
    }
    if "{model}" in path:
        made["parameters"] = [{"name": "model", "in": "path", "required": True, "schema": {"type": "string"}}]
    return made
