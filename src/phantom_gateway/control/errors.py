"""Errors of the admin API, in LiteLLM's shape, and the one place where they become answers.

    ApiError            what a handler raises: status, message for people, type and parameter for programs

Everything else that reaches the boundary is our own fault and answers 500 without a word about its cause; the cause goes
to the log. Messages never contain a key: what a caller sent as a credential is never echoed.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from phantom_gateway.control.no_store import HEADERS
from phantom_gateway.store.database import DatabaseError

log = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer other than success."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.kind = kind
        self.param = param
        self.headers = headers


def bad_field(name: str, message: str) -> ApiError:
    """400 that names the offending field."""
    return ApiError(400, f"{name}: {message}", param=name)


def not_found(message: str, param: str | None = None) -> ApiError:
    """404."""
    return ApiError(404, message, kind="not_found_error", param=param)


def conflict(message: str) -> ApiError:
    """409: two changes at once."""
    return ApiError(409, message, kind="conflict_error")


def too_many(message: str, retry_after_s: int = 10) -> ApiError:
    """429: more at once than there may be."""
    return ApiError(429, message, kind="rate_limit_error", headers={"retry-after": str(retry_after_s)})


def body_of(message: str, kind: str, param: str | None, status: int) -> dict[str, Any]:
    """LiteLLM's error body; ``code`` is the status as a string."""
    return {"error": {"message": message, "type": kind, "param": param, "code": str(status)}}


def install(app: FastAPI) -> None:
    """Register the handlers. Unknown routes keep FastAPI's ``{"detail": "Not Found"}``, as LiteLLM's do."""
    # Typed as Any: each handler gets the exceptions it is registered for, which the framework's types cannot say.
    handlers: dict[type[Exception], Any] = {
        ApiError: _on_api_error,
        RequestValidationError: _on_validation_error,
        DatabaseError: _on_database_error,
        HTTPException: _on_http_error,
        Exception: _on_defect,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


async def _on_api_error(_request: Request, error: ApiError) -> Response:
    headers = {"www-authenticate": "Bearer"} if error.status == 401 else error.headers
    content = body_of(error.message, error.kind, error.param, error.status)
    return JSONResponse(content, status_code=error.status, headers=headers)


async def _on_validation_error(_request: Request, error: RequestValidationError) -> Response:
    message, param = describe(error.errors())
    return JSONResponse(body_of(message, "invalid_request_error", param, 400), status_code=400)


async def _on_database_error(request: Request, error: Exception) -> Response:
    log.error("the database failed on %s %r: %s", request.method, request.scope["path"], type(error).__name__)
    message = "The database cannot answer at the moment; nothing was changed."
    return JSONResponse(body_of(message, "no_db_connection", None, 503), status_code=503)


async def _on_http_error(_request: Request, error: HTTPException) -> Response:
    status = error.status_code
    plain = status in (404, 405)
    content = (
        {"detail": error.detail}
        if plain
        else body_of(str(error.detail), "invalid_request_error", "request_body", status)
    )
    return JSONResponse(content, status_code=status, headers=error.headers)


async def _on_defect(request: Request, _error: Exception) -> Response:
    log.error("defect while answering %s %r", request.method, request.scope["path"])
    # This is answered from outside of every middleware.
    return JSONResponse(
        body_of("Internal error.", "internal_server_error", None, 500), status_code=500, headers=HEADERS
    )


def describe(errors: Sequence[Any]) -> tuple[str, str | None]:
    """A message and the field of the first problem; further fields are named in the message. Values are never quoted."""
    named = [(_field(error), _reason(error)) for error in errors]
    message = "; ".join(f"{field}: {reason}" if field else reason for field, reason in named[:5])
    return message, named[0][0] or "request_body"


def _field(error: Any) -> str:
    if error["type"] == "json_invalid":
        return ""
    parts = [str(part)[:60] for part in error["loc"] if part not in ("body", "query", "path", "header")]
    return ".".join(parts)


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "unknown field"
    if error["type"] == "json_invalid":
        return "The request body is not valid JSON"
    if tuple(error["loc"]) == ("body",) and error["type"] in ("missing", "model_attributes_type", "model_type"):
        return "A JSON object is expected as request body (content-type: application/json)"
    return str(error["msg"]).removeprefix("Value error, ")
