"""Errors in OpenAI's shape; ``code`` is the status as a text, as LiteLLM has it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from phantom_gateway.dialects.reading import encode

if TYPE_CHECKING:
    from phantom_gateway.dialects.problem import Problem

TOO_LONG = "Input tokens exceed the configured limit"
"""How OpenAI says that the input does not fit (November 2026); agents look for it."""


def body(problem: Problem) -> bytes:
    """The body of an error answer."""
    error: dict[str, Any] = {
        "message": problem.words(TOO_LONG),
        "type": problem.kind,
        "param": problem.param,
        "code": problem.code or str(problem.status),
    }
    if problem.details:
        error["details"] = problem.details
    return encode({"error": error})


def event(problem: Problem) -> bytes:
    """The error as an event of a stream that has begun."""
    return b"data: " + body(problem) + b"\n\n"
