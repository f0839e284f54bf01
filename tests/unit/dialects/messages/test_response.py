from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects.messages.response import (
    message_id,
    read_answer,
    read_stop,
    read_tokens,
    write_answer,
    write_tokens,
)
from phantom_gateway.dialects.neutral import Answer, Opaque, Stop, Text, Tokens, ToolCall, Untranslatable

counts = st.integers(min_value=0, max_value=1 << 40)


@pytest.mark.parametrize(
    ("reason", "stop"),
    [
        ("end_turn", Stop.END), ("max_tokens", Stop.LENGTH), ("model_context_window_exceeded", Stop.LENGTH),
        ("tool_use", Stop.TOOL), ("stop_sequence", Stop.SEQUENCE), ("refusal", Stop.FILTER),
        ("pause_turn", Stop.PAUSE), ("novel", Stop.END),
        (None, Stop.END),
    ],
)  # fmt: skip
def test_reasons(reason: Any, stop: Stop) -> None:
    assert read_stop(reason) is stop


@given(st.builds(Tokens, counts, counts, counts, counts, counts, st.none() | counts))
def test_tokens_come_back_as_they_were(tokens: Tokens) -> None:
    assert read_tokens(write_tokens(tokens)) == tokens


def test_every_count_that_clients_read_is_there() -> None:
    assert set(write_tokens(None)) == {
        "input_tokens", "output_tokens", "cache_creation_input_tokens", "cache_read_input_tokens",
    }  # fmt: skip
    assert read_tokens("x") is None
    assert read_tokens({"input_tokens": -3, "cache_creation": []}) == Tokens()


def test_ids_begin_as_anthropics() -> None:
    assert message_id("msg_1") == "msg_1"
    assert message_id("chatcmpl-1") == "msg_1"
    assert message_id("x") == "msg_x"


@pytest.mark.parametrize(
    "body", [b"[]", b"{}", b'{"content":{}}', b'{"content":[{"type":"text"}]}', b'{"content":[],"stop_sequence":1}']
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(Untranslatable):
        read_answer(body)


def test_tools_get_their_names_back_and_what_is_foreign_is_left_out() -> None:
    answer = Answer("a", [Text("t"), ToolCall("c", "short", '{"a":1}'), Opaque("chat", {"type": "x"})], Stop.TOOL)
    content = json.loads(write_answer(answer, "public", 1, {"short": "long"}))["content"]
    assert content == [
        {"type": "text", "text": "t"},
        {"type": "tool_use", "id": "c", "name": "long", "input": {"a": 1}},
    ]
