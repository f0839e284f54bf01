from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Message,
    Opaque,
    Settings,
    Terms,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Untranslatable,
)
from phantom_gateway.dialects.responses.compose import in_own_words, write_request

HI = [Message("user", [Text("hi")])]


def test_nothing_is_kept_and_reasoning_comes_back() -> None:
    written = write_request(Ask(HI, settings=Settings(effort="low", max_tokens=9), stream=True), Terms("up"))
    assert written.body == {
        "model": "up", "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
        "store": False, "max_output_tokens": 9, "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low", "summary": "auto"}, "stream": True,
    }  # fmt: skip


def test_a_turn_with_tools() -> None:
    said = Message("assistant", [Thinking("Hm.", "sealed"), Thinking("lost"), Text("I look."), ToolCall("1", "f", "")])
    result = Message("user", [ToolResult("1", [Text("x")], is_error=True), Text("And?")])
    written = write_request(Ask([said, result], tools=[Tool("f"), Opaque("chat", {"type": "odd"})]), Terms("up"))
    assert [item["type"] for item in written.body["input"]] == [
        "reasoning", "message", "function_call", "function_call_output", "message",
    ]  # fmt: skip
    assert written.body["input"][0]["encrypted_content"] == "sealed"
    assert written.body["input"][3]["output"] == "Error: x"
    assert written.dropped == ["messages.thinking", "tools.odd"]


def test_choices() -> None:
    for choice, expected in (
        (Choice("required"), "required"),
        (Choice("named", "f"), {"type": "function", "name": "f"}),
    ):
        written = write_request(Ask(HI, tools=[Tool("f")], settings=Settings(choice=choice)), Terms("up"))
        assert written.body["tool_choice"] == expected


def test_what_changes_the_answer_is_refused_or_dropped_by_name() -> None:
    extra: dict[str, Any] = {"n": 2, "seed": None, "novel": 1, "store": True, "verbosity": "low"}
    with pytest.raises(Untranslatable) as raised:
        write_request(Ask(HI, extra=extra), Terms("up"))
    assert raised.value.param == "n"
    written = write_request(Ask(HI, extra=extra), Terms("up", drop=True))
    assert (written.dropped, written.body["novel"], written.body["text"]) == (["n", "store"], 1, {"verbosity": "low"})


def test_an_answer_that_was_to_end_at_a_word_is_refused_or_goes_on_by_agreement() -> None:
    asked = Ask(HI, settings=Settings(stop=["END"], top_k=3))
    with pytest.raises(Untranslatable, match="drop_params") as raised:
        write_request(asked, Terms("up"))
    assert raised.value.param == "stop"
    assert write_request(asked, Terms("up", drop=True)).dropped == ["top_k", "stop"]
    assert write_request(Ask(HI, settings=Settings(stop=[])), Terms("up")).dropped == []


def test_defaults_of_a_deployment_in_own_words() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    assert in_own_words({"max_tokens": 7, "temperature": 1, "stop": "x", "reasoning_effort": "low", "verbosity": "low"}) == {
        "max_output_tokens": 7, "temperature": 1, "reasoning": {"effort": "low"}, "text": {"verbosity": "low"},
    }  # fmt: skip
    assert in_own_words({"response_format": schema}) == {
        "text": {"format": {"type": "json_schema", "name": "x", "schema": {}}}
    }
