from __future__ import annotations

import json

import pytest

from phantom_gateway.dialects.messages import errors
from phantom_gateway.dialects.problem import Problem


@pytest.mark.parametrize(
    ("status", "kind", "expected"),
    [
        (400, "invalid_request_error", "invalid_request_error"), (401, "auth_error", "authentication_error"),
        (403, "key_model_access_denied", "permission_error"), (404, "not_found_error", "not_found_error"),
        (405, "invalid_request_error", "invalid_request_error"), (413, "invalid_request_error", "request_too_large"),
        (422, "budget_exceeded", "billing_error"), (429, "throttling_error", "rate_limit_error"),
        (500, "internal_server_error", "api_error"), (502, "internal_server_error", "api_error"),
        (503, "service_unavailable", "overloaded_error"), (504, "timeout_error", "timeout_error"),
    ],
)  # fmt: skip
def test_the_types_anthropics_sdks_know(status: int, kind: str, expected: str) -> None:
    assert errors.kind_of(status, kind) == expected


def test_anthropics_shape_with_what_is_called_here_beside() -> None:
    problem = Problem(422, "budget_exceeded", "No.", "model", details={"entity": "key:1"}, call_id="c")
    assert json.loads(errors.body(problem)) == {
        "type": "error",
        "error": {
            "type": "billing_error", "message": "No.", "code": "budget_exceeded", "param": "model",
            "details": {"entity": "key:1"},
        },
        "request_id": "c",
    }  # fmt: skip
    assert "request_id" not in json.loads(errors.body(Problem(401, "auth_error", "No.")))


def test_as_an_event_with_its_name() -> None:
    problem = Problem(502, "internal_server_error", "No.")
    assert errors.event(problem) == b"event: error\ndata: " + errors.body(problem) + b"\n\n"
