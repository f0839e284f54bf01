from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.control.rig import ADMIN, Rig

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.texts import check

ANYTHING = st.recursive(
    st.none() | st.integers() | st.text(st.characters(categories=["L", "Nd"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(categories=["L"])), inner),
)


def refused(value: Any) -> str | None:
    with pytest.raises(ApiError) as error:
        check(value, "")
    assert error.value.status == 400
    return error.value.param


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"user_id": "a\0b"}, "user_id"),
        ({"metadata": {"x": [1, {"y": "\0"}]}}, "metadata.x.1.y"),
        ({"keys": ["a", "\ud800"]}, "keys.1"),
        ({"metadata": {"a\0": 1}}, "metadata"),
        ({"\udc00": 1}, "request_body"),
        ("\0", "request_body"),
    ],
)
def test_the_field_is_named(value: Any, field: str) -> None:
    assert refused(value) == field


@given(ANYTHING)
def test_everything_else_passes(value: Any) -> None:
    check(value, "")


@given(ANYTHING)
def test_it_is_found_wherever_it_is(value: Any) -> None:
    refused({"a": [value, "\0"]})


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/key/generate", rb'{"key_alias":"a\u0000b"}', "key_alias"),
        ("/key/generate", rb'{"metadata":{"x":"\ud800"}}', "metadata.x"),
        ("/v2/key/info", rb'{"keys":["a\u0000b"]}', "keys.0"),
        ("/spend/corrections", rb'{"request_id":"a\u0000b","amount":1,"reason":"x"}', "request_id"),
        ("/user/delete", rb'{"user_ids":["a\u0000b"]}', "user_ids.0"),
        ("/login", rb'{"username":"a\u0000b","password":"x"}', "username"),
        ("/v2/login", rb'{"username":"a\u0000b","password":"x"}', "username"),
        ("/v3/login", rb'{"username":"x","password":"\u0000"}', "password"),
    ],
)
async def test_a_body_with_such_a_text_is_refused(control: Rig, path: str, body: bytes, field: str) -> None:
    answer = await control.http.post(path, content=body, headers=ADMIN)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)


async def test_a_form_with_such_a_text_is_refused(control: Rig) -> None:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    answer = await control.http.post("/login", content=b"username=a%00b&password=x", headers=kind)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "username")


async def test_query_and_path_are_looked_at(control: Rig) -> None:
    answer = await control.get("/key/info", key="a\0b")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "key")
    answer = await control.get("/fallback/a%00b")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "model")


async def test_an_escaped_backslash_is_no_such_text(control: Rig) -> None:
    answer = await control.http.post("/key/generate", content=rb'{"key_alias":"a\\u0000b"}', headers=ADMIN)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/key/generate", '{"max_budget":1,"max_budget":1000}', "max_budget"),
        ("/key/generate", '{"metadata":{"a":{"x":1,"x":1}}}', "metadata.a.x"),
        (
            "/key/generate",
            '{"budget_limits":[{"max_budget":1,"budget_duration":"1d","max_budget":2}]}',
            "budget_limits.0.max_budget",
        ),
        ("/key/generate", '{"":1,"":2}', '""'),
        ("/key/generate", '{"\\u0061":1,"a":2}', "a"),
        ("/v2/login", '{"username":"admin","username":"x","password":"y"}', "username"),
    ],
)
async def test_a_field_that_is_given_twice_is_refused(control: Rig, path: str, body: str, field: str) -> None:
    answer = await control.http.post(path, content=body, headers=ADMIN)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, field), answer.text


async def test_the_same_name_in_two_objects_is_no_repetition(control: Rig) -> None:
    body = '{"metadata":{"a":1,"b":{"a":2}},"aliases":{"a":"b"}}'
    assert (await control.http.post("/key/generate", content=body, headers=ADMIN)).status_code == 200
    nested = '{"metadata":' + '{"a":' * 5000 + "1" + "}" * 5001
    assert (await control.http.post("/key/generate", content=nested, headers=ADMIN)).status_code == 400
