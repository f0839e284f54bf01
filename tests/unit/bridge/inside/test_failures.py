"""What the SDK raises, told in OpenAI's words."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest

from phantom_gateway.bridge.inside.failures import concealer, told


def raised(name: str, message: str = "litellm.X: it went wrong", **fields: Any) -> Exception:
    error: Exception = type(name, (Exception,), {})(message)
    for field, value in fields.items():
        setattr(error, field, value)
    return error


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (raised("RateLimitError", status_code=429), 429, "rate_limit_exceeded"),
        (raised("ContextWindowExceededError", status_code=400), 400, "context_length_exceeded"),
        (raised("ContentPolicyViolationError", status_code=400), 400, "content_policy_violation"),
        (raised("AuthenticationError", status_code=401), 401, None),
        (raised("Timeout", status_code=408), 504, None),
        (raised("APIConnectionError", status_code=500), 502, None),
        (raised("ServiceUnavailableError", status_code=503), 503, None),
        (raised("Odd", status_code=200), 500, None),
        (raised("Odd", status_code="x"), 500, None),
        (KeyError("x"), 500, None),
        (ModuleNotFoundError("No module named 'boto3'"), 501, None),
    ],
)
def test_status_and_code(error: Exception, status: int, code: str | None) -> None:
    failure = told(error, concealer([]))
    body = json.loads(failure.body)["error"]
    assert (failure.status, body["code"], body["type"]) == (status, code, type(error).__name__)


def test_words_without_prefix_trace_and_credentials() -> None:
    message = "litellm.RateLimitError: litellm.APIError: bad key sk-12345678, abc\nTraceback (most recent call last):\n secret"
    failure = told(raised("RateLimitError", message, status_code=429), concealer(["sk-12345678", "abc"]))
    assert json.loads(failure.body)["error"]["message"] == "bad key [key], abc"


def test_when_to_come_back() -> None:
    assert told(raised("R", status_code=429, litellm_response_headers={"retry-after": "3"}), str).headers == [
        ("retry-after", "3")
    ]
    response = SimpleNamespace(headers={"retry-after": "9"})
    assert told(raised("R", status_code=429, response=response), str).headers == [("retry-after", "9")]
    assert told(raised("R", status_code=429, litellm_response_headers={"retry-after": "3\r\nx: y"}), str).headers == []
    assert told(ImportError("x"), str).headers == [("x-phantom-bridge-failed", "1")]
