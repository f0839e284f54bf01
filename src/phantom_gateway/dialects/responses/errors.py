"""Errors of the Responses API: bodies as everywhere in OpenAI's API, events of its own (SDK 3.54, November 2026)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phantom_gateway.dialects.chat.errors import TOO_LONG, body
from phantom_gateway.dialects.reading import encode

__all__ = ["body", "event"]

if TYPE_CHECKING:
    from phantom_gateway.dialects.problem import Problem


def event(problem: Problem) -> bytes:
    """The error as an event of a stream that has begun.

    The reference has the fields beside the type, the real API in an object of their own, which is what SDKs raise for: both.
    """
    code = problem.code or problem.kind
    message = problem.words(TOO_LONG)
    error: dict[str, Any] = {
        "type": problem.kind,
        "code": code,
        "message": message,
        "param": problem.param,
    }
    if problem.details:
        error["details"] = problem.details
    said = {"type": "error", "sequence_number": problem.sequence, "code": code, "message": message}
    return b"event: error\ndata: " + encode(said | {"param": problem.param, "error": error}) + b"\n\n"
