from __future__ import annotations

import json

from phantom_gateway.dialects.chat import errors
from phantom_gateway.dialects.problem import Problem


def test_openais_shape_with_the_status_as_code() -> None:
    problem = Problem(400, "invalid_request_error", "No.", "model", details={"a": 1}, call_id="c")
    assert json.loads(errors.body(problem)) == {
        "error": {
            "message": "No.",
            "type": "invalid_request_error",
            "param": "model",
            "code": "400",
            "details": {"a": 1},
        }
    }
    assert json.loads(errors.body(problem._replace(code="own")))["error"]["code"] == "own"


def test_as_an_event() -> None:
    problem = Problem(502, "internal_server_error", "No.")
    assert errors.event(problem) == b"data: " + errors.body(problem) + b"\n\n"
