from __future__ import annotations

import json

import pytest

from phantom_gateway.dialects.neutral import Answer, Part, Stop, Text, Thinking, Tokens, ToolCall, Untranslatable
from phantom_gateway.dialects.responses.response import Shape, custom_input, read_answer, response_id, write_answer

ASKED = {
    "instructions": "Be kind.",
    "tools": [{"type": "custom", "name": "c"}],
    "temperature": 0,
    "metadata": {"a": "b"},
}


def test_an_answer_repeats_what_was_asked() -> None:
    parts: list[Part] = [
        Thinking("Hm.", "sig"),
        Text("One"),
        Text(" two"),
        ToolCall("1", "c", '{"input":"x"}'),
        ToolCall("2", "short", ""),
    ]
    tokens = Tokens(input=10, cache_read=5, cache_write_5m=2, output=7, reasoning=3)
    answer = Answer("chatcmpl-1", parts, Stop.TOOL, tokens=tokens)
    shown = json.loads(write_answer(answer, "public", 5, {"short": "very_long"}, Shape(ASKED)))
    assert (shown["id"], shown["object"], shown["status"], shown["model"]) == (
        "resp_1",
        "response",
        "completed",
        "public",
    )
    assert (shown["instructions"], shown["temperature"], shown["metadata"], shown["store"]) == (
        "Be kind.",
        0,
        {"a": "b"},
        False,
    )
    kinds = [item["type"] for item in shown["output"]]
    assert kinds == ["reasoning", "message", "custom_tool_call", "function_call"]
    assert [part["text"] for part in shown["output"][1]["content"]] == ["One", " two"]
    assert (shown["output"][2]["input"], shown["output"][3]["name"], shown["output"][3]["arguments"]) == (
        "x",
        "very_long",
        "{}",
    )
    assert len({item["id"] for item in shown["output"]}) == 4
    assert shown["usage"] == {
        "input_tokens": 17, "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2}, "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3}, "total_tokens": 24,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stop", "status", "reason"),
    [
        (Stop.END, "completed", None),
        (Stop.SEQUENCE, "completed", None),
        (Stop.LENGTH, "incomplete", {"reason": "max_output_tokens"}),
        (Stop.FILTER, "incomplete", {"reason": "content_filter"}),
    ],
)
def test_why_it_ended(stop: Stop, status: str, reason: dict[str, str] | None) -> None:
    shown = json.loads(write_answer(Answer("1", [Text("a")], stop), "m", 1, {}))
    assert (shown["status"], shown["incomplete_details"], shown["output"][0]["status"]) == (status, reason, status)


def test_an_answer_that_was_not_given_is_none() -> None:
    for status in ("failed", "queued", "cancelled"):
        with pytest.raises(Untranslatable):
            read_answer(json.dumps({"status": status, "output": []}).encode())


def test_what_a_custom_tool_gets() -> None:
    assert [custom_input(each) for each in ('{"input":"x"}', '{"other":1}', "half", " ", "[]")] == [
        "x", '{"other":1}', "half", "", "[]",
    ]  # fmt: skip


def test_ids_begin_as_openais() -> None:
    assert [response_id(each) for each in ("chatcmpl-a", "msg_a", "resp_a", "ö", "")] == [
        "resp_a", "resp_a", "resp_a", "resp__", "resp_0",
    ]  # fmt: skip
