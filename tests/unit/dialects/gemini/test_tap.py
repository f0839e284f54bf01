from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.golden import ROOT

from phantom_gateway.config.secret import Secret
from phantom_gateway.dialects.gemini.tap import GenerateTap, read_answer, said, stamp
from phantom_gateway.wire.errors import BadResponse

STREAM = (ROOT / "streams" / "generate_all.sse").read_bytes()
SHOWN = STREAM.replace(b'"modelVersion": "up"', b'"modelVersion": "public"')
LAST = SHOWN[SHOWN.rindex(b"data: ") :]


def tap(max_event: int = 1 << 20) -> GenerateTap:
    return GenerateTap("public", False, max_event, Secret("sk-up-canary"))


def event(**fields: Any) -> bytes:
    return b"data: " + json.dumps(fields).encode() + b"\r\n\r\n"


def test_bytes_pass_but_the_model_and_the_end() -> None:
    stand = tap()
    assert stand.feed(STREAM) == SHOWN.removesuffix(LAST)
    assert stand.tail == LAST
    assert stand.complete
    assert not stand.done
    assert stand.usage == {
        "promptTokenCount": 60, "cachedContentTokenCount": 20, "candidatesTokenCount": 28, "thoughtsTokenCount": 12,
        "totalTokenCount": 100,
    }  # fmt: skip
    stand.finish()
    assert stand.tail == LAST


def test_every_split_gives_the_same() -> None:
    for cut in range(1, len(STREAM)):
        stand = tap()
        passed = stand.feed(STREAM[:cut]) + stand.feed(STREAM[cut:])
        assert passed + stand.tail == SHOWN, cut
        assert (stand.tail, stand.events) == (LAST, 6), cut


def test_an_end_that_was_none_is_let_go() -> None:
    stand = tap()
    ended = event(candidates=[{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}])
    assert stand.feed(ended) == b""
    assert stand.feed(ended) == ended
    counted = event(usageMetadata={"promptTokenCount": 1, "totalTokenCount": 3})
    assert stand.feed(counted) == b""
    assert stand.tail == ended + counted
    assert stand.usage == {"promptTokenCount": 1}


def test_a_stream_that_breaks_is_not_complete_and_knows_what_came() -> None:
    stand = tap()
    stand.feed(STREAM[: STREAM.rindex(b"data: ")])
    assert not stand.complete
    assert stand.usage == {"promptTokenCount": 60, "cachedContentTokenCount": 20}
    assert stand.produced() >= 5


def test_a_refused_question_is_an_answer() -> None:
    stand = tap()
    assert stand.feed((ROOT / "streams" / "generate_blocked.sse").read_bytes()) == b""
    assert stand.complete


def test_an_error_inside_loses_the_key() -> None:
    stand = tap()
    passed = stand.feed((ROOT / "streams" / "generate_error.sse").read_bytes())
    assert stand.error["status"] == "UNAVAILABLE"
    assert b"canary" not in passed
    assert b"key [key]" in passed
    assert not stand.complete


def test_the_public_name_stands_where_nothing_else_could_be_meant() -> None:
    assert stamp("up", "public", b'{"modelVersion": "up"}') == (b'"modelVersion": "up"', b'"modelVersion": "public"')
    assert stamp("up", "public", b'{"args":{"modelVersion":"up"},"modelVersion":"up"}') is None


def test_an_event_has_a_bound() -> None:
    with pytest.raises(BadResponse):
        tap(max_event=100).feed(b"data: " + b"x" * 200)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.binary(max_size=60)
        | st.sampled_from([STREAM, LAST, b"\n\n", b"data: [1]\n\n", b'data: {"candidates":[3]}\n\n']),
        max_size=6,
    )
)
def test_any_bytes_pass_or_are_refused_by_name(pieces: list[bytes]) -> None:
    stand = tap()
    with suppress(BadResponse):
        for piece in pieces:
            stand.feed(piece)
    assert stand.produced() >= 0


def test_whole_answers() -> None:
    answer = read_answer(b'{"modelVersion":"up","usageMetadata":{"promptTokenCount":1},"candidates":[]}')
    assert answer is not None
    assert (answer.model, answer.usage, answer.error) == ("up", {"promptTokenCount": 1}, None)
    failed = read_answer(b'{"error":{"code":500}}')
    assert failed is not None
    assert failed.error == {"code": 500}
    assert read_answer(b"[]") is read_answer(b"<html>") is read_answer(b"[" * 100_000) is None


def test_what_the_model_said() -> None:
    parts = [{"text": "abc"}, {"text": "de", "thought": True}, {"functionCall": {"name": "f"}}, 3]
    call = len('{"functionCall":{"name":"f"}}')
    assert said(json.dumps({"candidates": [{"content": {"parts": parts}}, None]}).encode()) == 5 + call
    assert said(b"no json") == 7
    assert said(b"[]") == 0
