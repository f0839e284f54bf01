from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.golden import ROOT

from phantom_gateway.config.secret import Secret
from phantom_gateway.dialects.messages.tap import OVERHEAD, MessagesTap, read_answer, said
from phantom_gateway.wire.errors import BadResponse

STREAM = (ROOT / "streams" / "messages_all.sse").read_bytes()
STOP = b'event: message_stop\ndata: {"type": "message_stop"}\n\n'


def tap(public: str = "public", max_event: int = 1 << 20) -> MessagesTap:
    return MessagesTap(public, False, max_event, Secret("sk-up-canary"))


def test_bytes_pass_but_the_model_and_the_end() -> None:
    stand = tap()
    passed = stand.feed(STREAM)
    assert passed == STREAM.removesuffix(STOP).replace(b'"model": "up"', b'"model": "public"')
    assert stand.tail == STOP
    assert stand.done
    assert stand.complete
    assert stand.usage == {
        "input_tokens": 10, "cache_creation_input_tokens": 30, "cache_read_input_tokens": 20, "output_tokens": 40,
        "output_tokens_details": {"thinking_tokens": 12},
    }  # fmt: skip


def test_every_split_gives_the_same() -> None:
    for cut in range(1, len(STREAM)):
        stand = tap()
        passed = stand.feed(STREAM[:cut]) + stand.feed(STREAM[cut:])
        assert passed + stand.tail == STREAM.replace(b'"model": "up"', b'"model": "public"'), cut
        assert (stand.tail, stand.done, stand.events) == (STOP, True, 26), cut


def test_a_stream_that_breaks_is_not_complete_and_knows_what_came() -> None:
    stand = tap()
    stand.feed(STREAM[: STREAM.index(b"event: message_delta")])
    assert not stand.complete
    assert stand.usage is not None
    assert "output_tokens" not in stand.usage
    assert 9 <= stand.produced() < 100  # more than the pieces: these are written with spaces
    stand.finish()
    assert stand.tail == b""


def test_without_the_last_event_the_reason_is_enough() -> None:
    stand = tap()
    stand.feed(STREAM.removesuffix(STOP))
    assert stand.complete
    assert not stand.done


def test_long_pieces_count_by_their_length() -> None:
    stand = tap()
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word " * 200}}
    event = b"event: content_block_delta\ndata: " + json.dumps(piece, separators=(",", ":")).encode() + b"\n\n"
    for _ in range(3):
        stand.feed(event)
    assert abs(stand.produced() - 3 * 1000 // 4) <= 2


def test_the_overhead_is_that_of_an_empty_piece() -> None:
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": ""}}
    event = b"event: content_block_delta\ndata: " + json.dumps(piece, separators=(",", ":")).encode() + b"\n\n"
    assert len(event) == OVERHEAD


def test_an_error_inside_loses_the_key() -> None:
    stand = tap()
    passed = stand.feed((ROOT / "streams" / "messages_error.sse").read_bytes())
    assert stand.error == {"type": "overloaded_error", "message": "Overloaded, key sk-up-canary"}
    assert b"canary" not in passed
    assert b"key [key]" in passed
    assert not stand.complete


def test_words_that_look_like_events_are_text() -> None:
    stand = tap()
    piece = json.dumps(
        {"type": "content_block_delta", "delta": {"type": "text_delta", "text": '"message_stop" "error"'}}
    )
    event = f"event: content_block_delta\ndata: {piece}\n\n".encode()
    assert stand.feed(event) == event
    assert (stand.done, stand.error) == (False, None)


def test_an_event_has_a_bound() -> None:
    with pytest.raises(BadResponse):
        tap(max_event=100).feed(b"data: " + b"x" * 200)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([STREAM, STOP, b"\n\n", b"data: [1]\n\n", b"\r\r"]), max_size=6)
)
def test_any_bytes_pass_or_are_refused_by_name(pieces: list[bytes]) -> None:
    stand = tap()
    with suppress(BadResponse):
        for piece in pieces:
            stand.feed(piece)
    assert stand.produced() >= 0


def test_whole_answers() -> None:
    answer = read_answer(b'{"model":"up","usage":{"input_tokens":1},"content":[]}')
    assert answer is not None
    assert (answer.model, answer.usage, answer.error) == ("up", {"input_tokens": 1}, None)
    failed = read_answer(b'{"type":"error","error":{"type":"api_error"}}')
    assert failed is not None
    assert failed.error == {"type": "api_error"}
    assert read_answer(b"[]") is read_answer(b"<html>") is read_answer(b"[" * 100_000) is None


def test_what_the_model_said() -> None:
    blocks = [
        {"type": "text", "text": "abc"},
        {"type": "thinking", "thinking": "de", "signature": "xxxx"},
        {"input": {"a": 1}},
        3,
    ]
    assert said(json.dumps({"content": blocks}).encode()) == 5 + len('{"a":1}')
    assert said(b"no json") == 7
