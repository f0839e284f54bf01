from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.neutral import (
    Choice,
    Message,
    Structure,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    Untranslatable,
)
from phantom_gateway.dialects.responses.request import read_request


def test_a_text_is_what_a_user_says() -> None:
    ask = read_request({"model": "m", "input": "hi", "instructions": "Be kind."})
    assert ask.messages == [Message("system", [Text("Be kind.")]), Message("user", [Text("hi")])]
    assert (ask.left_out, ask.extra, ask.stream) == ([], {}, False)


def test_what_one_side_does_in_a_turn_is_one_message() -> None:
    ask = read_request(
        {
            "input": [
                {"role": "assistant", "content": "I look."},
                {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
                {"type": "custom_tool_call", "call_id": "2", "name": "g", "input": 'a "b"'},
                {"type": "function_call_output", "call_id": "1", "output": "x"},
                {"type": "custom_tool_call_output", "call_id": "2", "output": "y"},
                {"role": "user", "content": "And?"},
            ]
        }
    )
    assert ask.messages == [
        Message("assistant", [Text("I look."), ToolCall("1", "f", "{}"), ToolCall("2", "g", '{"input":"a \\"b\\""}')]),
        Message("user", [ToolResult("1", [Text("x")]), ToolResult("2", [Text("y")])]),
        Message("user", [Text("And?")]),
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": {"id": "c"}}, "conversation"),
        ({"prompt": {"id": "p"}}, "prompt"),
        ({"background": True}, "background"),
        ({"top_logprobs": 3}, "top_logprobs"),
        ({"input": [{"type": "item_reference", "id": "x"}]}, "input[0]"),
        ({"input": [{"type": "computer_call_output"}]}, "input[0].type"),
        ({"input": [{"role": "robot", "content": "x"}]}, "input[0].role"),
        ({"input": 3}, "input"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format"),
        ({"max_output_tokens": "many"}, "max_output_tokens"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
    ],
)
def test_what_cannot_be_said_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Untranslatable) as raised:
        read_request({"input": "x"} | body)
    assert raised.value.param == param


def test_what_says_nothing_is_not_named_as_left_out() -> None:
    silent = {
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "truncation": "disabled",
        "metadata": {},
        "background": False,
    }
    assert read_request({"input": "x"} | silent).left_out == []
    told = {"store": True, "include": ["file_search_call.results"], "truncation": "auto", "prompt_cache_key": "k"}
    assert read_request({"input": [{"type": "web_search_call"}]} | told).left_out == [
        "store", "include", "truncation", "prompt_cache_key", "input.web_search_call",
    ]  # fmt: skip


def test_settings() -> None:
    settings = read_request(
        {
            "input": "x", "max_output_tokens": 9, "temperature": 0.5, "parallel_tool_calls": False, "top_p": 0.9, "user": "u",
            "reasoning": {"effort": "low"},
            "text": {"format": {"type": "json_object"}}, "tool_choice": {"type": "custom", "name": "c"},
        }
    ).settings  # fmt: skip
    assert (settings.max_tokens, settings.temperature, settings.top_p, settings.user) == (9, 0.5, 0.9, "u")
    assert (settings.effort, settings.structure, settings.parallel) == ("low", Structure(), False)
    assert settings.choice == Choice("named", "c")


def test_a_custom_tool_is_a_function_of_one_text() -> None:
    (tool,) = read_request({"input": "x", "tools": [{"type": "custom", "name": "c", "description": "D."}]}).tools
    assert isinstance(tool, Tool)
    assert (tool.name, tool.description) == ("c", "D.")
    assert tool.schema is not None
    assert tool.schema["required"] == ["input"]
