from __future__ import annotations

import base64
from typing import Any

import pytest

from phantom_gateway.simulator.gemini_checks import UNSIGNED, checked, lowered, spelled
from phantom_gateway.simulator.reading import BadRequestError

HELLO = {"role": "user", "parts": [{"text": "hello"}]}
CALL = {"functionCall": {"name": "f", "args": {}}}
RESULT = {"functionResponse": {"name": "f", "response": {}}}


def turns(*parts: dict[str, Any], role: str = "model") -> list[dict[str, Any]]:
    return [HELLO, {"role": role, "parts": list(parts)}]


def test_good_requests_pass() -> None:
    assert checked({"contents": [HELLO]}, "m") == [HELLO]
    checked({"contents": [*turns(CALL, CALL), {"parts": [RESULT, RESULT]}]}, "m")
    ours = base64.b64encode(b"phantom-simulator").decode()
    for signature in (ours, UNSIGNED):
        checked({"contents": [*turns(CALL | {"thoughtSignature": signature}), {"parts": [RESULT]}]}, "gemini-3-flash")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "contents is not specified"),
        ({"contents": [HELLO], "messages": []}, 'Unknown name "messages"'),
        ({"contents": [HELLO], "generationConfig": {"max_tokens": 3}}, "Unknown name"),
        (
            {"contents": [HELLO], "generationConfig": {"responseSchema": {"additionalProperties": False}}},
            "Unknown name",
        ),
        (
            {"contents": [HELLO], "tools": [{"functionDeclarations": [{"parameters": {"items": {"const": 1}}}]}]},
            "Unknown name",
        ),
        (
            {"contents": [HELLO], "generationConfig": {"responseSchema": {"type": "integer", "enum": [1]}}},
            "only allowed",
        ),
        ({"contents": [HELLO], "generationConfig": 3}, "Invalid value"),
        ({"contents": [HELLO | {"role": "assistant"}]}, "valid role"),
        ({"contents": [{"role": "user", "parts": []}]}, "must not be empty"),
        ({"contents": [*turns(CALL), HELLO]}, "number of function response parts"),
        ({"contents": turns(RESULT, role="user")}, "number of function response parts"),
        ({"contents": turns({"text": "a", "thoughtSignature": "c2ln"})}, "Corrupted"),
    ],
)
def test_what_google_refuses_is_refused(body: dict[str, Any], message: str) -> None:
    with pytest.raises(BadRequestError, match=message):
        checked(body, "m")


def test_a_call_without_signature_is_refused_where_the_model_insists() -> None:
    asked = {"contents": [*turns(CALL), {"parts": [RESULT]}]}
    checked(asked, "gemini-2.5-flash")
    with pytest.raises(BadRequestError, match="missing a thought_signature"):
        checked(asked, "gemini-3-flash")


def test_spelling() -> None:
    given = {
        "generation_config": {"response_schema": {"properties": {"a_b": {"min_items": 1}}}},
        "x": [{"args": {"a_b": 1}}],
    }
    assert spelled(given) == {
        "generationConfig": {"responseSchema": {"properties": {"a_b": {"minItems": 1}}}},
        "x": [{"args": {"a_b": 1}}],
    }
    assert lowered({"type": "ARRAY", "items": [{"type": "STRING"}]}) == {"type": "array", "items": [{"type": "string"}]}
