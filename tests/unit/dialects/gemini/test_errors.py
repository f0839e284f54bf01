from __future__ import annotations

import json

import pytest

from phantom_gateway.dialects.gemini.errors import DOMAIN, body, event, status_of
from phantom_gateway.dialects.problem import Problem


@pytest.mark.parametrize(
    ("status", "kind", "name"),
    [
        (400, "invalid_request_error", "INVALID_ARGUMENT"),
        (401, "auth_error", "UNAUTHENTICATED"),
        (403, "x", "PERMISSION_DENIED"),
        (404, "x", "NOT_FOUND"),
        (405, "x", "INVALID_ARGUMENT"),
        (422, "budget_exceeded", "RESOURCE_EXHAUSTED"),
        (429, "throttling_error", "RESOURCE_EXHAUSTED"),
        (500, "x", "INTERNAL"),
        (502, "x", "UNAVAILABLE"),
        (504, "timeout_error", "DEADLINE_EXCEEDED"),
    ],
)
def test_names(status: int, kind: str, name: str) -> None:
    assert status_of(status, kind) == name


def test_an_error_says_all_there_is_to_say() -> None:
    problem = Problem(429, "throttling_error", "Slow.", "model", None, {"retry_after_s": 2.5, "limit": 3}, "call-1")
    error = json.loads(body(problem))["error"]
    assert (error["code"], error["message"], error["status"]) == (429, "Slow.", "RESOURCE_EXHAUSTED")
    assert error["details"] == [
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "throttling_error",
            "domain": DOMAIN,
            "metadata": {"retry_after_s": "2.5", "limit": "3", "param": "model", "call_id": "call-1"},
        },
        {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"},
    ]


def test_in_a_stream() -> None:
    problem = Problem(502, "upstream_error", "Gone.")
    assert event(problem) == b"data: " + body(problem) + b"\n\n"
