from __future__ import annotations

import gzip
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects.passing import MAX_JSON, MAX_TAIL, PassTap

ANTHROPIC = [
    {"type": "message_start", "message": {"usage": {"input_tokens": 8, "output_tokens": 1}}},
    {"type": "content_block_delta", "delta": {"text": "usage"}},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}},
]
RESPONSES = [
    {"type": "response.created", "response": {"usage": None}},
    {"type": "x", "response": {"usage": {"input_tokens": 3}}},
]
GOOGLE = [
    {"usageMetadata": {"promptTokenCount": 4}},
    {"usageMetadata": {"promptTokenCount": 4, "candidatesTokenCount": 9}},
]
COHERE = [{"type": "message-end", "delta": {"usage": {"billed_units": {"input_tokens": 1}}}}]
EVENTS = b"text/event-stream; charset=utf-8"


def events(values: list[Any]) -> bytes:
    return b"".join(b"data: " + json.dumps(value).encode() + b"\n\n" for value in values)


def fed(tap: PassTap, data: bytes, cuts: list[int] | None = None) -> PassTap:
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts or ()), len(data)]
    assert b"".join(tap.feed(data[start:end]) for start, end in itertools.pairwise(places)) == data
    tap.finish()
    assert (tap.octets, tap.tail, tap.complete, tap.done) == (len(data), b"", True, False)
    return tap


@pytest.mark.parametrize(
    ("values", "usage"),
    [
        (ANTHROPIC, {"input_tokens": 8, "output_tokens": 5}),
        (RESPONSES, {"input_tokens": 3}),
        (GOOGLE, {"promptTokenCount": 4, "candidatesTokenCount": 9}),
        (COHERE, {"billed_units": {"input_tokens": 1}}),
        ([{"choices": []}], None),
    ],
)
@given(st.lists(st.integers(0, 1 << 16), max_size=5))
def test_events_in_any_pieces(values: list[Any], usage: dict[str, Any] | None, cuts: list[int]) -> None:
    tap = fed(PassTap(EVENTS, metered=True), events(values), cuts)
    assert (tap.usage, tap.events) == (usage, len(values))
    whole = fed(PassTap(b"application/json", metered=True), json.dumps(values).encode(), cuts)
    assert whole.usage == usage


def test_frames_of_amazon() -> None:
    data = bytes(MAX_TAIL) + b'\0\1{"metrics":{},"usage":{"inputTokens":3,"outputTokens":4}}\xff'
    assert fed(PassTap(b"application/vnd.amazon.eventstream", metered=True), data, [7]).usage == {
        "inputTokens": 3,
        "outputTokens": 4,
    }


def test_packed_answers_are_looked_into() -> None:
    body = gzip.compress(b'{"usage": {"prompt_tokens": 1}}')
    assert fed(PassTap(b"application/json", b"gzip", metered=True), body, [9]).usage == {"prompt_tokens": 1}
    assert fed(PassTap(b"application/json", b"gzip", metered=True), b"no gzip at all").usage is None


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (b"application/json", b"{" + b" " * (MAX_JSON + 1)),
        (b"application/json", b'{"usage": 1}'),
        (b"application/json", b'{"usage"'),
        (EVENTS, b"data: {" + b'"usage"' * (MAX_JSON // 7 + 9)),
        (EVENTS, b'data: {"usage"\n\n'),
        (b"image/png", b'{"usage": {"a": 1}}'),
        (None, b'{"usage": {"a": 1}}'),
    ],
)
def test_what_cannot_be_read_passes_all_the_same(kind: bytes | None, data: bytes) -> None:
    assert fed(PassTap(kind, metered=True), data).usage is None


def test_nothing_is_looked_at_where_nothing_is_billed() -> None:
    tap = fed(PassTap(b"application/json", metered=False), b'{"usage": {"prompt_tokens": 1}}')
    assert (tap.usage, tap.events) == (None, 0)


def test_tokens_of_an_answer_without_usage() -> None:
    assert fed(PassTap(EVENTS, metered=True), events([{"a": 1}] * 5)).produced() == 4
    assert fed(PassTap(b"application/json", metered=True), bytes(1600)).produced() == 100
