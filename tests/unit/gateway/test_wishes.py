"""What callers ask of the gateway itself, and what of it takes effect."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest
from tests.unit.gateway.rig import QUICK, Rig, ask, deployment, running

from phantom_gateway.dialects.operations import CHAT
from phantom_gateway.gateway.body import parse
from phantom_gateway.gateway.errors import ApiError
from phantom_gateway.gateway.wishes import MAX_TAGS, NONE, Wishes, read
from phantom_gateway.spine.snapshot import Routing, Settings


def wishes(fields: dict[str, Any] | None = None, customer_headers: tuple[bytes, ...] = (), **headers: str) -> Wishes:
    call = parse(json.dumps({"model": "m"} | (fields or {})).encode(), CHAT, "")
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return read(call, {b"host": b"x"} | named, customer_headers)


def routing(**fields: Any) -> Routing:
    known = {name: getattr(QUICK, name) for name in QUICK.__struct_fields__}
    return Routing(**known | fields)


async def chat(rig: Rig, headers: dict[str, str], **fields: Any) -> tuple[int, str, dict[str, str]]:
    body = {"model": "gpt", "messages": [{"role": "user", "content": "hello there"}]} | fields
    known = {"authorization": f"Bearer {rig.key()}"} | headers
    answer = await ask(rig.port, "POST", "/v1/chat/completions", json.dumps(body).encode(), known)
    return answer.status, answer.error["type"] if answer.status >= 400 else "", answer.headers


def sent_bodies(rig: Rig) -> list[dict[str, Any]]:
    return [json.loads(request["body"]) for request in rig.simulator.requests()]


def test_nothing_asked_is_nothing() -> None:
    assert wishes() is NONE
    assert wishes({"temperature": 1, "messages": []}) is NONE


def test_headers_win_over_the_body() -> None:
    fields = {"timeout": 5, "num_retries": 3, "litellm_session_id": "bs", "litellm_trace_id": "bt", "user": "u"}
    found = wishes(fields)
    assert (found.timeout_s, found.num_retries, found.session_id, found.trace_id) == (5.0, 3, "bs", "bt")
    assert (found.end_user, found.is_impatient) == ("u", True)
    found = wishes(
        fields,
        x_litellm_timeout="2.5",
        x_litellm_stream_timeout="1",
        x_litellm_num_retries="0",
        x_litellm_session_id="hs",
    )
    assert (found.timeout_s, found.stream_timeout_s, found.num_retries, found.session_id) == (2.5, 1.0, 0, "hs")


def test_tags_from_everywhere_once_each_and_bounded() -> None:
    fields = {"tags": ["a", "b"], "metadata": {"tags": ["b", "c", 5, ""]}, "litellm_metadata": {"tags": ["d"]}}
    assert wishes(fields, x_litellm_tags="h, a,,").tags == ("h", "a", "b", "c", "d")
    many = wishes({"tags": [f"{n}" + "x" * 1000 for n in range(100)]}).tags
    assert len(many) == MAX_TAGS
    assert max(map(len, many)) == 256
    assert wishes({"tags": "no list", "metadata": "none", "litellm_metadata": [1]}).tags == ()


@pytest.mark.parametrize("value", ["soon", "-1", "0", "nan", "inf", "1e999", "[1]"])
def test_a_timeout_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ApiError) as caught:
        wishes(x_litellm_timeout=value)
    assert (caught.value.status, caught.value.param) == (400, "x-litellm-timeout")


@pytest.mark.parametrize(
    "fields", [{"timeout": True}, {"timeout": {}}, {"timeout": 10**400}, {"num_retries": 1.5}, {"num_retries": -1}]
)
def test_a_number_that_is_none_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ApiError) as caught:
        wishes(fields)
    assert caught.value.status == 400
    assert caught.value.param in fields


def test_null_is_silence() -> None:
    assert wishes({"timeout": None, "num_retries": None, "tags": None, "metadata": None}) == NONE


def test_the_configured_user_header() -> None:
    assert wishes(customer_headers=(b"x-who",), x_who="me").end_user == "me"
    assert wishes({"user": "body"}, (b"x-who",), x_who="me").end_user == "body"
    assert wishes(customer_headers=(b"x-who",)).end_user is None


async def test_tags_label_the_record_and_stay_here(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        metadata = {"tags": ["m"], "team": "x"}
        status, *_ = await chat(
            rig, {"x-litellm-tags": "h1,h2"}, tags=["b"], metadata=metadata, litellm_metadata={"tags": ["l"]}
        )
        assert status == 200
        assert rig.closed().tags == ("h1", "h2", "b", "m", "l")
        (body,) = sent_bodies(rig)
        assert body["metadata"] == {"team": "x"}
        assert not {"tags", "litellm_metadata"} & body.keys()


async def test_metadata_of_tags_only_is_left_out_and_others_pass_untouched(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        await chat(rig, {}, metadata={"tags": ["m"]})
        await chat(rig, {}, metadata={"tags": "a text", "k": "v"})
        first, second = sorted(sent_bodies(rig), key=lambda body: "metadata" in body)
        assert "metadata" not in first
        assert second["metadata"] == {"tags": "a text", "k": "v"}


async def test_tags_may_be_refused(tmp_path: Path) -> None:
    async with running(tmp_path, settings=Settings(reject_client_tags=True)) as rig:
        assert (await chat(rig, {"x-litellm-tags": "a"}))[:2] == (400, "invalid_request_error")
        assert (await chat(rig, {}))[0] == 200


@pytest.mark.parametrize(
    ("headers", "fields"),
    [
        ({"x-litellm-timeout": "0.3"}, {}),
        ({}, {"timeout": 0.3}),
        ({"x-litellm-stream-timeout": "0.3"}, {"stream": True}),
    ],
)
async def test_a_caller_may_be_less_patient(tmp_path: Path, headers: dict[str, str], fields: dict[str, Any]) -> None:
    async with running(tmp_path) as rig:
        began = time.monotonic()
        assert (await chat(rig, headers, simulate={"first_ms": 20_000}, **fields))[:2] == (504, "timeout_error")
        assert time.monotonic() - began < 4


async def test_no_caller_is_more_patient_than_the_configuration(tmp_path: Path) -> None:
    async with running(tmp_path, routing=routing(timeout_s=0.3)) as rig:
        began = time.monotonic()
        assert (await chat(rig, {"x-litellm-timeout": "100"}, simulate={"first_ms": 20_000}))[0] == 504
        assert time.monotonic() - began < 4


@pytest.mark.parametrize(("asked", "made"), [("0", 1), ("1", 2), ("9", 3)])
async def test_fewer_retries_may_be_asked_for_and_not_more(tmp_path: Path, asked: str, made: int) -> None:
    async with running(
        tmp_path, lambda port: (deployment(port, model="up;mode=500"),), routing=routing(num_retries=2)
    ) as rig:
        assert (await chat(rig, {"x-litellm-num-retries": asked}))[0] == 500
        assert rig.simulator.counts()["total"]["requests"] == made


async def test_what_makes_no_sense_reaches_nobody(tmp_path: Path) -> None:
    async with running(tmp_path) as rig:
        assert (await chat(rig, {"x-litellm-num-retries": "many"}))[:2] == (400, "invalid_request_error")
        assert rig.simulator.counts()["total"]["requests"] == 0


def test_fallbacks_in_all_ways_litellm_takes_them() -> None:
    found = wishes({"fallbacks": ["a", {"model": "b"}, {"m": ["c", "a"]}, {"other": ["x"]}, {"*": ["d"]}]})
    assert found.fallbacks == {"general": ("a", "b", "c", "d")}
    assert found.further() == ("a", "b", "c", "d")
    special = wishes({"context_window_fallbacks": ["a"], "content_policy_fallbacks": [{"m": ["b"]}]})
    assert special.fallbacks == {"context_window": ("a",), "content_policy": ("b",)}
    assert wishes({"fallbacks": None}).fallbacks == {}
    assert wishes({"fallbacks": []}).fallbacks == {"general": ()}


@pytest.mark.parametrize(
    "value",
    ["a", 5, [5], [{"model": "a", "api_key": "sk-x"}], [{"model": 5}], [{}], [[]], [""], ["x"] * 21, [{"m": [5]}]],
)
def test_fallbacks_that_name_anything_but_models_are_refused(value: Any) -> None:
    with pytest.raises(ApiError) as caught:
        wishes({"fallbacks": value})
    assert (caught.value.status, caught.value.param) == (400, "fallbacks")


def test_failures_asked_for_and_fallbacks_turned_off() -> None:
    assert wishes({"mock_testing_fallbacks": True}).mocked == "general"
    assert wishes({"mock_testing_context_fallbacks": True}).mocked == "context_window"
    assert wishes({"mock_testing_content_policy_fallbacks": True}).mocked == "content_policy"
    assert wishes({"mock_testing_fallbacks": "true"}).mocked is None
    assert (wishes({"disable_fallbacks": True}).no_fallbacks, wishes({"disable_fallbacks": 1}).no_fallbacks) == (
        True,
        False,
    )


def test_the_timeout_of_streams_may_stand_in_the_body() -> None:
    assert wishes({"stream_timeout": 3}).stream_timeout_s == 3.0
    assert wishes({"stream_timeout": 3}, x_litellm_stream_timeout="2").stream_timeout_s == 2.0


def test_anthropics_place_for_the_user() -> None:
    assert wishes({"metadata": {"user_id": "u1"}}).end_user == "u1"
    assert wishes({"metadata": {"user_id": "u1"}, "user": "u2"}).end_user == "u2"
    assert wishes({"metadata": {"user_id": 1}}).end_user is None


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"user": "a\0b"}, "user"),
        ({"user": "a\nb"}, "user"),
        ({"litellm_session_id": "\x7f"}, "litellm_session_id"),
        ({"litellm_trace_id": "\0"}, "litellm_trace_id"),
        ({"tags": ["x", "a\0b"]}, "tags"),
        ({"metadata": {"tags": ["\0"]}}, "metadata.tags"),
        ({"litellm_metadata": {"tags": ["\x1f"]}}, "litellm_metadata.tags"),
    ],
)
def test_names_with_control_characters_are_refused(fields: dict[str, Any], name: str) -> None:
    with pytest.raises(ApiError) as refused:
        wishes(fields)
    assert (refused.value.status, refused.value.param) == (400, name)


def test_so_are_those_of_headers() -> None:
    with pytest.raises(ApiError) as refused:
        wishes(x_litellm_session_id="a\tb")
    assert (refused.value.status, refused.value.param) == (400, "x-litellm-session-id")


def test_any_other_text_is_a_name() -> None:
    strange = "\u2028\U0001f600\u200b\xa0"
    assert wishes({"user": strange, "tags": [strange]}).end_user == strange
    assert wishes({"user": "u" * 5000}).end_user == "u" * 256
