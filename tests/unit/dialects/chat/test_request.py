from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.chat.request import read_request
from phantom_gateway.dialects.neutral import (
    Choice,
    Message,
    Opaque,
    Structure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Untranslatable,
)

HELLO = [{"role": "user", "content": "hi"}]


def test_roles() -> None:
    ask = read_request(
        {
            "messages": [
                {"role": "developer", "content": "d"},
                *HELLO,
                {"role": "tool", "tool_call_id": "c", "content": "r"},
            ]
        }
    )
    assert ask.messages == [
        Message("system", [Text("d")]), Message("user", [Text("hi")]), Message("user", [ToolResult("c", [Text("r")])]),
    ]  # fmt: skip


def test_an_assistant_thinks_speaks_and_calls() -> None:
    said = {"role": "assistant", "content": "ok", "refusal": "no", "reasoning_content": "hm",
            "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]}  # fmt: skip
    assert read_request({"messages": [said]}).messages[0].parts == [
        Thinking("hm"), Text("ok"), Text("no"), ToolCall("c", "f", "{}"),
    ]  # fmt: skip


def test_a_breakpoint_of_a_message_is_of_its_last_part() -> None:
    cached = {"role": "system", "content": "a", "cache_control": {"type": "ephemeral"}}
    assert read_request({"messages": [cached, *HELLO]}).messages[0].parts == [Text("a", {"type": "ephemeral"})]


def test_settings() -> None:
    ask = read_request({
        "messages": HELLO, "max_tokens": 5, "max_completion_tokens": 7, "stop": "a", "user": "u", "reasoning_effort": "low",
        "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": True, "stream": True,
        "response_format": {"type": "json_object"}, "seed": 1,
    })  # fmt: skip
    settings = ask.settings
    assert (settings.max_tokens, settings.stop, settings.user, settings.effort) == (7, ["a"], "u", "low")
    assert (settings.choice, settings.parallel, settings.structure) == (Choice("named", "f"), True, Structure())
    assert (ask.stream, ask.extra) == (True, {"seed": 1})


def test_tools_of_other_kinds_are_kept_as_they_came() -> None:
    assert read_request({"messages": HELLO, "tools": [{"type": "custom", "custom": {}}]}).tools == [
        Opaque("chat", {"type": "custom", "custom": {}})
    ]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}, "messages[0].tool_calls[0].function"),
        ({"messages": HELLO, "max_tokens": "many"}, "max_tokens"),
        ({"messages": HELLO, "tool_choice": {"type": "allowed_tools"}}, "tool_choice"),
        ({"messages": HELLO, "response_format": {"type": "xml"}}, "response_format"),
        ({"messages": HELLO, "response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"messages": HELLO, "tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"messages": HELLO, "stop": [1]}, "stop"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        read_request(body)
    assert caught.value.param == param
