from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects.chat.response import read_answer, read_stop, read_tokens, write_answer, write_tokens
from phantom_gateway.dialects.neutral import Answer, Opaque, Stop, Text, Thinking, Tokens, ToolCall, Untranslatable

counts = st.integers(min_value=0, max_value=1 << 40)


@pytest.mark.parametrize(
    ("reason", "called", "stop"),
    [
        ("stop", False, Stop.END), ("stop", True, Stop.TOOL), ("length", True, Stop.LENGTH), ("tool_calls", True, Stop.TOOL),
        ("content_filter", False, Stop.FILTER), ("novel", False, Stop.END), (None, False, Stop.END), ([1], False, Stop.END),
    ],
)  # fmt: skip
def test_reasons(reason: Any, called: bool, stop: Stop) -> None:
    assert read_stop(reason, called=called) is stop


@given(st.builds(Tokens, counts, counts, counts, st.just(0), counts, st.none() | counts))
def test_tokens_come_back_as_they_were(tokens: Tokens) -> None:
    written = write_tokens(tokens)
    assert written["total_tokens"] == written["prompt_tokens"] + written["completion_tokens"]
    assert read_tokens(written) == tokens


def test_usage_that_is_none() -> None:
    assert read_tokens(None) is read_tokens([]) is None
    assert read_tokens({"prompt_tokens": -1, "completion_tokens": "x", "prompt_tokens_details": 3}) == Tokens()


def test_content_may_be_a_list_and_reasoning_have_another_name() -> None:
    message = {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "reasoning": "hm"}
    answer = read_answer(json.dumps({"choices": [{"message": message}]}).encode())
    assert answer.parts == [Thinking("hm"), Text("ab")]
    assert answer.tokens is None


@pytest.mark.parametrize(
    "body",
    [b"[]", b"{}", b'{"choices":[]}', b'{"choices":[{}]}', b'{"choices":[{"message":{"tool_calls":[{}]}}]}', b"<html>"],
)
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(Untranslatable):
        read_answer(body)


def test_tools_get_their_names_back_and_what_is_foreign_is_kept() -> None:
    answer = Answer("a", [ToolCall("c", "short", ""), Opaque("messages", {"type": "server_tool_use"})], Stop.TOOL)
    message = json.loads(write_answer(answer, "public", 1, {"short": "the long name"}))["choices"][0]["message"]
    assert message["tool_calls"][0]["function"] == {"name": "the long name", "arguments": "{}"}
    assert message["provider_specific_fields"] == {"content_blocks": [{"type": "server_tool_use"}]}
