from __future__ import annotations

import json

from phantom_gateway.dialects.operations import ANTHROPIC
from phantom_gateway.gateway.errors import ApiError, invalid_request, unavailable


def test_the_shape_of_an_error() -> None:
    error = ApiError(429, "throttling_error", "Slow down: “now”", param="model", details={"limit": 5})
    assert json.loads(error.body()) == {
        "error": {
            "message": "Slow down: “now”", "type": "throttling_error", "param": "model", "code": "429", "details": {"limit": 5},
        }
    }  # fmt: skip


def test_the_code_is_the_status_as_text_unless_named() -> None:
    assert json.loads(ApiError(404, "x", "y").body())["error"]["code"] == "404"
    assert json.loads(ApiError(404, "x", "y", code="model_not_found").body())["error"]["code"] == "model_not_found"
    assert "details" not in json.loads(ApiError(404, "x", "y").body())["error"]


def test_an_error_inside_a_stream_is_one_event() -> None:
    event = ApiError(502, "internal_server_error", "two\nlines").event()
    assert event.startswith(b"data: {")
    assert event.endswith(b"}\n\n")
    assert event.count(b"\n") == 2


def test_the_usual_two() -> None:
    error = invalid_request("No.", "field", hint="try x")
    assert (error.status, error.kind, error.param, error.details) == (
        400,
        "invalid_request_error",
        "field",
        {"hint": "try x"},
    )
    assert invalid_request("No.").details is None
    error = unavailable("Later.", retry_after=7)
    assert (error.status, error.kind, error.headers) == (503, "service_unavailable", ((b"retry-after", b"7"),))
    assert error.details == {"retry_after_s": 7}


def test_the_same_in_anthropics_shape() -> None:
    error = ApiError(429, "throttling_error", "Slow down")
    error.call_id = "c"
    assert json.loads(error.body(ANTHROPIC)) == {
        "type": "error",
        "error": {"type": "rate_limit_error", "message": "Slow down", "code": "throttling_error"},
        "request_id": "c",
    }
    assert error.event(ANTHROPIC).startswith(b"event: error\ndata: {")
