from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects.operations import CHAT, COMPLETIONS, EMBEDDINGS
from phantom_gateway.gateway.body import CONSUMED, CONTAINERS, FORBIDDEN, UNREAD, parse
from phantom_gateway.gateway.errors import ApiError


def compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def refused(body: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        parse(body, CHAT, "")
    assert caught.value.status == 400
    assert caught.value.kind == "invalid_request_error"
    return caught.value


def test_named_fields_are_read() -> None:
    body = {"model": "m", "stream": True, "stream_options": {"include_usage": True}, "max_tokens": 7, "n": 3, "x": [1]}
    call = parse(compact(body), CHAT, "")
    assert (call.model, call.stream, call.wants_usage, call.output_limit, call.choices) == ("m", True, True, 7, 3)
    assert call.field("x") == [1]
    assert call.field("y") is None


def test_the_larger_bound_counts_since_an_upstream_may_know_only_one() -> None:
    assert parse(compact({"model": "m", "max_tokens": 7, "max_completion_tokens": 5}), CHAT, "").output_limit == 7
    assert parse(compact({"model": "m", "max_tokens": 7, "max_completion_tokens": None}), CHAT, "").output_limit == 7


@pytest.mark.parametrize(
    ("fields", "choices"),
    [
        ({}, 1),
        ({"n": 4}, 4),
        ({"n": None}, 1),
        ({"n": 2, "best_of": 5}, 5),
        ({"prompt": ["a", "b", "c"]}, 3),
        ({"prompt": ["a", "b"], "n": 3}, 6),
        ({"prompt": [1, 2, 3]}, 1),
        ({"prompt": [[1, 2], [3]]}, 2),
        ({"prompt": "a"}, 1),
        ({"prompt": []}, 1),
    ],
)
def test_how_many_answers_are_produced(fields: dict[str, Any], choices: int) -> None:
    assert parse(compact({"model": "m"} | fields), COMPLETIONS, "").choices == choices


def test_model_may_stand_in_the_path() -> None:
    assert parse(b"{}", CHAT, "from-path").model == "from-path"
    assert parse(b'{"model":"from-body"}', CHAT, "from-path").model == "from-body"


def test_stream_is_ignored_where_nothing_streams() -> None:
    assert parse(b'{"model":"m","stream":true}', EMBEDDINGS, "").stream is False


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", "request_body"),
        (b"[]", "request_body"),
        (b"null", "request_body"),
        (b'{"model":"m"', "request_body"),
        (b'{"model":"m"} x', "request_body"),
        (b'{"model":"m","x":NaN}', "request_body"),
        (b'{"model":"m", "x": Infinity}', "request_body"),
        (b'{"model":"m","x":"\xff"}', "request_body"),
        (b'{"model":"m","x":"\\ud800"}', "request_body"),
        (b'{"model":"m","x":' + b"[" * 100_000, "request_body"),
        (b'{"model":"a","model":"b"}', "request_body"),
        (b'{"model": "a", "model": "b"}', "request_body"),
        (b'{ "model" : "a", "x": {"k":1,"k":2}}', "request_body"),
        (b'{"m\\u006fdel":"a","model":"b"}', "request_body"),
        (b"{}", "model"),
        (b'{"model":""}', "model"),
        (b'{"model":7}', "model"),
        (b'{"model":"' + b"m" * 257 + b'"}', "model"),
        (b'{"model":"m","stream":"yes"}', "stream"),
        (b'{"model":"m","stream":true,"stream_options":{"include_usage":"x"}}', "stream_options"),
        (b'{"model":"m","max_tokens":-1}', "max_tokens"),
        (b'{"model":"m","max_tokens":1.5}', "max_tokens"),
        (b'{"model":"m","max_tokens":99999999999999}', "max_tokens"),
        (b'{"model":"m","max_tokens":1,"n":-1}', "n"),
    ],
)
def test_bad_bodies_are_refused_by_name(body: bytes, param: str) -> None:
    assert refused(body).param == param


@pytest.mark.parametrize("name", sorted(FORBIDDEN))
def test_no_body_names_a_destination_or_a_credential(name: str) -> None:
    error = refused(compact({"model": "m", name: "CANARY"}))
    assert error.param == name
    assert "CANARY" not in error.message


@pytest.mark.parametrize("container", sorted(CONTAINERS))
def test_nor_does_what_an_upstream_may_unpack(container: str) -> None:
    for inside in ({"api_base": "CANARY"}, {"extra_body": {"API_Key": "CANARY"}}):
        error = refused(compact({"model": "m", container: inside}))
        assert error.param is not None
        assert error.param.startswith(f"{container}.") or error.param.startswith("extra_body.")
        assert "CANARY" not in error.message
    assert parse(compact({"model": "m", container: {"top_k": 1}}), CHAT, "").model == "m"


@pytest.mark.parametrize(
    "name", ["Model", "STREAM", "Max_Tokens", "N", "Api_Base", "Mock_Response", "Messages", "Tags"]
)
def test_no_field_is_passed_on_that_another_reader_takes_for_one_of_ours(name: str) -> None:
    assert refused(compact({"model": "m", "messages": [], name: 1})).param == name.lower()


def test_other_fields_may_be_written_as_they_like() -> None:
    assert "topK" in parse(compact({"model": "m", "topK": 1}), CHAT, "").fields


def test_a_list_of_tokens_has_nothing_else_in_it() -> None:
    with pytest.raises(ApiError) as caught:
        parse(compact({"model": "m", "prompt": [1, "a", "b"]}), COMPLETIONS, "")
    assert caught.value.param == "prompt"


def test_errors_never_quote_the_body() -> None:
    assert b"CANARY" not in refused(b'{"model":"m","messages":"CANARY').body()


def test_unknown_fields_pass_untouched() -> None:
    raw = b'{"model":"m","temperature":0.10000000000000000001,"deep":{"a" : [1e400, {"b":"\xc3\xa9\\u00e9"}]},"z":null}'
    rendered = parse(raw, CHAT, "").render("up", {}, False)
    assert rendered == raw.replace(b'"m"', b'"up"')


def test_our_own_fields_stay_here() -> None:
    body = {"model": "m", "messages": []} | dict.fromkeys(CONSUMED, 1)
    assert json.loads(parse(compact(body), CHAT, "").render("m", {}, False)) == {"model": "m", "messages": []}


def test_defaults_fill_only_silence() -> None:
    defaults = {"temperature": b"0.5", "top_p": b"1"}
    rendered = json.loads(parse(b'{"model":"m","top_p":0.1}', CHAT, "").render("m", defaults, False))
    assert rendered == {"model": "m", "top_p": 0.1, "temperature": 0.5}


def test_usage_is_asked_for_in_streams_only_and_other_options_are_kept() -> None:
    streaming = parse(b'{"model":"m","stream":true,"stream_options":{"x":1}}', CHAT, "")
    assert json.loads(streaming.render("m", {}, True))["stream_options"] == {"x": 1, "include_usage": True}
    assert "stream_options" not in json.loads(parse(b'{"model":"m"}', CHAT, "").render("m", {}, True))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), json_values, max_size=6), st.booleans(), st.sampled_from([None, 2]))
def test_whatever_is_valid_arrives_as_sent(extra: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    ours = (
        FORBIDDEN | CONSUMED | CONTAINERS | UNREAD | {"model", "stream", "stream_options", "messages", "n", "best_of"}
    )
    ours |= set(CHAT.output_fields)
    fields = {name: value for name, value in extra.items() if name.lower() not in ours}
    fields |= {"model": "m", "stream": False, "max_tokens": 1, "max_completion_tokens": 1, "n": 1}
    text = json.dumps(fields, ensure_ascii=ascii_only, indent=indent)
    assert json.loads(parse(text.encode(), CHAT, "").render("up", {}, False)) == fields | {"model": "up"}


@given(st.binary(max_size=200))
def test_any_bytes_parse_or_are_refused(body: bytes) -> None:
    with contextlib.suppress(ApiError):
        parse(body, CHAT, "")


def test_a_body_decoded_for_another_format() -> None:
    call = parse(
        b'{"model":"m","num_retries":1,"metadata":{"tags":["a"],"user_id":"u"},"stop":"x","top_k":3}', CHAT, ""
    )
    fields, dropped = call.plain(frozenset({"stop", "absent"}))
    assert fields == {"model": "m", "metadata": {"user_id": "u"}, "top_k": 3}
    assert dropped == ["stop"]


def test_fields_that_are_never_sent() -> None:
    call = parse(b'{"model":"m","stop":"x"}', CHAT, "")
    assert json.loads(call.render("up", {}, ask_usage=False, without=frozenset({"stop"}))) == {"model": "up"}


def test_what_no_model_reads_is_not_counted() -> None:
    plain = {"model": "gpt", "messages": [{"role": "user", "content": "hi"}]}
    labels = {"user": "u" * 500, "metadata": {"a": "x" * 500}, "litellm_metadata": {"b": 1}, "tags": ["t" * 300]}
    bare = parse(json.dumps(plain).encode(), CHAT, "").size
    assert bare == len(json.dumps(plain))
    assert bare <= parse(json.dumps(plain | labels).encode(), CHAT, "").size < bare + 100
    assert parse(json.dumps(plain | {"tools": ["t" * 300]}).encode(), CHAT, "").size > bare + 300
