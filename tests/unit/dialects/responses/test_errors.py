from __future__ import annotations

import json

from phantom_gateway.dialects.chat import errors as chat
from phantom_gateway.dialects.problem import Problem
from phantom_gateway.dialects.responses import errors


def test_a_body_is_openais() -> None:
    problem = Problem(400, "invalid_request_error", "No.", "input")
    assert errors.body(problem) == chat.body(problem)


def test_an_event_has_the_fields_where_either_kind_of_client_looks() -> None:
    problem = Problem(502, "internal_server_error", "No.", details={"a": 1}, sequence=7)
    name, data = errors.event(problem).decode().removesuffix("\n\n").split("\n")
    assert name == "event: error"
    said = json.loads(data.removeprefix("data: "))
    assert (said["type"], said["code"], said["message"], said["param"]) == (
        "error",
        "internal_server_error",
        "No.",
        None,
    )
    assert said["sequence_number"] == 7
    assert said["error"] == {
        "type": "internal_server_error", "code": "internal_server_error", "message": "No.", "param": None, "details": {"a": 1},
    }  # fmt: skip
