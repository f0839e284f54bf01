from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.golden import ROOT

from phantom_gateway.config.secret import Secret
from phantom_gateway.dialects.responses.tap import ResponsesTap, named, read_answer, read_stored, said
from phantom_gateway.wire.errors import BadResponse

STREAM = (ROOT / "streams" / "responses_all.sse").read_bytes()
FAILED = (ROOT / "streams" / "responses_error.sse").read_bytes()
END = STREAM[STREAM.index(b"event: response.completed") :]
SHORT = (ROOT / "streams" / "responses_cut.sse").read_bytes()


def shown(stream: bytes) -> bytes:
    return stream.replace(b'"model":"up"', b'"model":"public"').replace(b'"resp_abc"', b'"resp_mine"')


def tap(max_event: int = 1 << 20) -> ResponsesTap:
    made = ResponsesTap("public", False, max_event, Secret("sk-up-canary"))
    made.names = {"resp_abc": "resp_mine"}.__getitem__
    return made


def test_bytes_pass_but_the_model_the_id_and_the_end() -> None:
    stand = tap()
    passed = stand.feed(STREAM)
    assert passed + stand.tail == shown(STREAM)
    assert stand.tail.startswith(b"event: response.completed")
    assert (stand.done, stand.complete, stand.events, stand.sequence) == (True, True, 25, 25)
    assert stand.usage == {
        "input_tokens": 100, "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 0}, "output_tokens": 50,
        "output_tokens_details": {"reasoning_tokens": 20}, "total_tokens": 150,
    }  # fmt: skip


def test_every_split_gives_the_same() -> None:
    for cut in range(1, len(SHORT)):
        stand = tap()
        passed = stand.feed(SHORT[:cut]) + stand.feed(SHORT[cut:])
        assert passed + stand.tail == shown(SHORT), cut
        assert (stand.done, stand.events, stand.produced()) == (True, 6, 1), cut
    for step in (1, 7, 500):
        stand = tap()
        passed = b"".join([stand.feed(STREAM[at : at + step]) for at in range(0, len(STREAM), step)])
        assert passed + stand.tail == shown(STREAM)
        assert (stand.done, stand.events, stand.produced()) == (True, 25, 6)


def test_a_stream_that_breaks_is_not_complete_and_knows_what_came() -> None:
    stand = tap()
    stand.feed(STREAM.removesuffix(END))
    stand.finish()
    assert (stand.complete, stand.done, stand.usage, stand.tail, stand.produced()) == (False, False, None, b"", 6)


def test_what_failed_is_told_without_the_upstreams_key() -> None:
    stand = tap()
    passed = stand.feed(FAILED)
    assert stand.error == {"code": "server_error", "message": "It failed, sk-up-canary."}
    assert not stand.complete
    assert b"canary" not in passed + stand.tail
    assert passed.count(b"[key]") == 2


def test_an_incomplete_answer_is_whole() -> None:
    stand = tap()
    stand.feed(SHORT)
    assert stand.complete
    assert stand.usage is not None
    assert stand.tail.startswith(b"event: response.incomplete")


def test_an_event_has_a_bound() -> None:
    with pytest.raises(BadResponse):
        tap(max_event=64).feed(b"data: " + b"x" * 100)


def test_whole_answers() -> None:
    body = b'{"id":"resp_abc","model":"up","usage":{"input_tokens":1},"error":{"message":"No."},"output":[]}'
    found, stored = read_answer(body), read_stored(body)
    assert found is not None
    assert stored is not None
    assert (found.model, found.usage, found.error) == ("up", {"input_tokens": 1}, {"message": "No."})
    assert (stored.model, stored.usage, stored.error) == ("up", None, None)
    assert read_answer(b"[]") is None is read_stored(b"{half")


def test_ids_are_those_the_caller_may_use() -> None:
    body = json.dumps(
        {"id": "resp_a", "previous_response_id": "resp_b", "text": 'says "resp_a"', "output": []}
    ).encode()
    shown = json.loads(named(body, lambda name: f"{name}!"))
    assert (shown["id"], shown["previous_response_id"], shown["text"]) == ("resp_a!", "resp_b!", 'says "resp_a"')
    assert named(b"half", str) == b"half"


def test_what_was_said_is_counted_where_nobody_counts() -> None:
    item = {"type": "message", "id": "not said", "content": [{"type": "output_text", "text": "four"}]}
    called = {"type": "function_call", "name": "f", "arguments": "{}"}
    assert said(json.dumps({"output": [item, called], "instructions": {"text": "no"}}).encode()) == 6
    assert said(b"half") == 4


@settings(max_examples=100, deadline=None)
@given(pieces=st.lists(st.binary(max_size=40) | st.sampled_from([END, STREAM[:300], FAILED]), max_size=5))
def test_any_bytes_pass_or_are_refused_by_name(pieces: list[bytes]) -> None:
    stand = tap()
    stand.names = str.upper
    try:
        for piece in pieces:
            stand.feed(piece)
    except BadResponse:
        return
    assert stand.produced() >= 0
