"""Errors in Google's shape (``google.rpc.Status`` in JSON; AIP-193, read November 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phantom_gateway.dialects.reading import encode

if TYPE_CHECKING:
    from phantom_gateway.dialects.problem import Problem

DOMAIN = "phantom-gateway"
TOO_LONG = "Exceeds the maximum number of tokens allowed"
"""How Google says that the input does not fit (November 2026); agents look for it."""
_OF_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_OF_KIND = {"budget_exceeded": "RESOURCE_EXHAUSTED"}


def status_of(status: int, kind: str) -> str:
    """Google's name of an error: a closed set that its SDKs know."""
    found = _OF_KIND.get(kind) or _OF_STATUS.get(status)
    return found or ("INVALID_ARGUMENT" if 400 <= status < 500 else "INTERNAL")


def body(problem: Problem) -> bytes:
    """The body of an error answer. What this gateway calls the error, and what it knows of it, stands in ``details``."""
    known = {name: str(value) for name, value in (problem.details or {}).items()}
    if problem.param is not None:
        known["param"] = problem.param
    if problem.call_id:
        known["call_id"] = problem.call_id
    details: list[dict[str, Any]] = [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": problem.code or problem.kind,
            "domain": DOMAIN,
            "metadata": known,
        }
    ]
    wait = (problem.details or {}).get("retry_after_s")
    if isinstance(wait, int | float) and wait > 0:
        details.append({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{wait:g}s"})
    status = status_of(problem.status, problem.kind)
    return encode(
        {"error": {"code": problem.status, "message": problem.words(TOO_LONG), "status": status, "details": details}}
    )


def event(problem: Problem) -> bytes:
    """The error as an event of a stream that has begun."""
    return b"data: " + body(problem) + b"\n\n"
