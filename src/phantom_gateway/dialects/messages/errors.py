"""Errors in Anthropic's shape (API reference, read November 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phantom_gateway.dialects.reading import encode

if TYPE_CHECKING:
    from phantom_gateway.dialects.problem import Problem

TOO_LONG = "prompt is too long"
"""How Anthropic says that the input does not fit (November 2026); agents look for it."""
_OF_STATUS = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_OF_KIND = {"budget_exceeded": "billing_error"}


def kind_of(status: int, kind: str) -> str:
    """Anthropic's type of an error: a closed set that its SDKs know."""
    found = _OF_KIND.get(kind) or _OF_STATUS.get(status)
    return found or ("invalid_request_error" if 400 <= status < 500 else "api_error")


def body(problem: Problem) -> bytes:
    """The body of an error answer. What this gateway calls the error stands beside Anthropic's type, as ``code``."""
    error: dict[str, Any] = {
        "type": kind_of(problem.status, problem.kind),
        "message": problem.words(TOO_LONG),
        "code": problem.code or problem.kind,
    }
    if problem.param is not None:
        error["param"] = problem.param
    if problem.details:
        error["details"] = problem.details
    written: dict[str, Any] = {"type": "error", "error": error}
    if problem.call_id:
        written["request_id"] = problem.call_id
    return encode(written)


def event(problem: Problem) -> bytes:
    """The error as an event of a stream that has begun."""
    return b"event: error\ndata: " + body(problem) + b"\n\n"
