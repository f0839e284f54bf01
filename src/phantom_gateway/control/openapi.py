"""The description of every route, as OpenAPI 3.1, made from the routes themselves.

What a handler answers is its ``answer``, a type of ``control.answers``: it describes and filters nothing, tests hold every answer
against it. Beside the admin API stand the paths of the data plane, by ``dialects.operations``.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from phantom_gateway.control.answers import served
from phantom_gateway.control.answers.base import Reply
from phantom_gateway.control.entities.listing import TOTAL
from phantom_gateway.control.guard import GuardedRoute, routes_of
from phantom_gateway.control.policy.actions import READS, Action
from phantom_gateway.dialects import operations
from phantom_gateway.dialects.operations import Operation, paths

_AUTHORS = {
    operations.OPENAI: "OpenAI",
    operations.ANTHROPIC: "Anthropic",
    operations.GOOGLE: "Google",
    operations.OPENAI_RESPONSES: "OpenAI",
}
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
    429: "Too many attempts; `retry-after` says when the next is admitted.",
    503: "The database cannot answer at the moment.",
}


_IF_MATCH: JsonObject = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The ETag that everything this changes must still have; otherwise it is refused (412) and nothing changes.",
}
_CHANGED_BY: JsonObject = {
    "name": "litellm-changed-by",
    "in": "header",
    "required": False,
    "schema": {"type": "string", "maxLength": 255},
    "description": "In whose name the caller makes the change; the audit log keeps it beside the caller.",
}
_ETAG: JsonObject = {
    "ETag": {
        "description": "What `If-Match` takes, where the answer is about one stored object.",
        "schema": {"type": "string"},
    }
}
_TOTAL: JsonObject = {
    TOTAL: {
        "description": "How many entries there are in all, beside those of the page.",
        "schema": {"type": "integer"},
    }
}
_MODELS = "models: calls"


def document(app: FastAPI) -> JsonObject:
    """The whole description. Raises ValueError when two shapes have one name."""
    routes = routes_of(app)
    made: JsonObject = get_openapi(title=TITLE, version="1", routes=routes, separate_input_output_schemas=False)
    schemas: JsonObject = made.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Error"] = _ERROR
    for route in routes:
        for method in route.methods or ():
            _complete(made["paths"][route.path_format][method.lower()], route, schemas)
    for path, operation in paths():
        made["paths"].setdefault(path, {})[operation.method.lower()] = (
            _call(path, operation) if operation.stored is None else _about_kept(path, operation)
        )
    for prefix in ("", "/v1"):
        made["paths"][f"{prefix}/models"] = {"get": _models(f"{prefix}/models", served.ServedModels, schemas)}
        one = f"{prefix}/models/{{model_id}}"
        made["paths"][one] = {"get": _models(one, served.ServedModel, schemas)}
    made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    return made


def _complete(operation: JsonObject, route: GuardedRoute, schemas: JsonObject) -> None:
    text = inspect.getdoc(route.endpoint) or ""
    operation["summary"] = text.partition("\n")[0]
    operation["description"] = text
    operation["x-action"] = route.action.value
    if _changes(route):
        operation["parameters"] = [*operation.get("parameters", ()), _IF_MATCH, _CHANGED_BY]
    if route.reads is not None:
        schema = {"schema": _named(route.reads, schemas)}
        forms = {"application/json": schema, "application/x-www-form-urlencoded": schema}
        operation["requestBody"] = {"required": True, "content": forms}
    operation["responses"] = {
        **_success(route, schemas),
        **{str(code): _error(code) for code in _codes(operation, route)},
    }
    if route.action is not Action.PUBLIC:
        operation["security"] = [{"key": []}]


def _success(route: GuardedRoute, schemas: JsonObject) -> JsonObject:
    answer = route.answer
    reply = answer if isinstance(answer, Reply) else Reply(body=answer)
    if reply.status >= 400:
        return {}
    found: JsonObject = {"description": reply.text}
    if route.shows_tag:
        found["headers"] = _ETAG
    elif route.counts:
        found["headers"] = _TOTAL
    content: JsonObject = {}
    if reply.body is not None:
        content[reply.media] = {"schema": _named(reply.body, schemas)}
    elif reply.status == 200:
        content[reply.media] = {"schema": {"type": "string"}}
    if reply.other:
        content[reply.other] = {"schema": {"type": "string"}}
    return {str(reply.status): found | ({"content": content} if content else {})}


def _changes(route: GuardedRoute) -> bool:
    return "GET" not in (route.methods or ()) and route.action not in {*READS, Action.PUBLIC}


def _codes(operation: JsonObject, route: GuardedRoute) -> Iterator[int]:
    if route.action is Action.PUBLIC:
        if "requestBody" in operation:
            yield from (400, 401, 403, 413, 429)
        yield 503
        return
    yield from (400, 401, 403)
    if "GET" not in (route.methods or ()) or "{" in route.path_format or operation.get("parameters"):
        yield 404
    if _changes(route):
        yield from (409, 412)
    if "requestBody" in operation:
        yield 413
    yield 503


def _error(code: int) -> JsonObject:
    schema = {"$ref": REF.format(model="Error")}
    return {"description": _WORDS[code], "content": {"application/json": {"schema": schema}}}


def _named(answer: Any, schemas: JsonObject) -> JsonObject:
    """The schema of a type; what has a name goes to ``schemas``."""
    schema = TypeAdapter(answer).json_schema(ref_template=REF, mode="serialization")
    found: JsonObject = schema.pop("$defs", {})
    name = schema.get("title")
    if name and schema.get("type") == "object" and inspect.isclass(answer):
        found[name] = schema
        schema = {"$ref": REF.format(model=name)}
    for each, shape in found.items():
        if schemas.setdefault(each, shape) != shape:
            raise ValueError(f"two shapes are called {each}")
    return schema


def _models(path: str, answer: Any, schemas: JsonObject) -> JsonObject:
    """A path at which the data plane says what a key may use."""
    one = path.endswith("}")
    made: JsonObject = {
        "operationId": "get" + path.replace("/", "_").replace("{", "").replace("}", ""),
        "summary": "One model that the calling key may use." if one else "The models that the calling key may use.",
        "tags": [_MODELS],
        "responses": {
            "200": {"description": "Done.", "content": {"application/json": {"schema": _named(answer, schemas)}}},
            **{str(code): _error(code) for code in ((401, 403, 404, 503) if one else (401, 403, 503))},
        },
        "security": [{"key": []}],
    }
    if one:
        made["parameters"] = [{"name": "model_id", "in": "path", "required": True, "schema": {"type": "string"}}]
    return made


_ABOUT = {
    "get_response": "A response that the provider has kept",
    "delete_response": "Have the provider delete a response that it has kept",
    "cancel_response": "Cancel a response",
    "response_input": "What a kept response was made of",
}


def _about_kept(path: str, operation: Operation) -> JsonObject:
    """A path about a response that a provider has kept."""
    content: JsonObject = {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": _operation_id(path, operation),
        "summary": f"{_ABOUT[operation.name]}, as OpenAI's API has it.",
        "tags": [_MODELS],
        "parameters": [{"name": "response_id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "The provider's answer.", "content": content},
            **{str(code): _error(code) for code in (400, 401, 403, 404, 503)},
            "default": {**_error(400), "description": "The upstream failed."},
        },
        "security": [{"key": []}],
    }


def _operation_id(path: str, operation: Operation) -> str:
    return f"{operation.name}{path.replace('/', '_').replace('{', '').replace('}', '')}"


def _call(path: str, operation: Operation) -> JsonObject:
    """A path of the data plane: what it acts on; everything else passes to the provider as it is."""
    fields: JsonObject = {"model": {"type": "string"}, operation.input_field: {}}
    fields |= {name: {"type": "integer", "minimum": 0} for name in operation.output_fields if "." not in name}
    content: JsonObject = {"application/json": {"schema": {"type": "object"}}}
    media = operation.media
    if media is not None and media.raw:
        content = {"audio/*": {"schema": {"type": "string", "format": "binary"}}}
    if operation.streams:
        fields["stream"] = {"type": "boolean"}
        content["text/event-stream"] = {"schema": {"type": "string"}}
    if operation.streamed:
        content = {"text/event-stream": {"schema": {"type": "string"}}}
    required = (
        [operation.input_field] if "{model}" in path or (media and media.model) else ["model", operation.input_field]
    )
    body = {"type": "object", "required": required, "properties": fields, "additionalProperties": True}
    made: JsonObject = {
        "operationId": _operation_id(path, operation),
        "summary": f"{operation.name.capitalize().replace('_', ' ')}, as {_AUTHORS[operation.errors]}'s API has it.",
        "tags": [_MODELS],
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
