from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.messages.request import read_request
from phantom_gateway.dialects.neutral import Choice, Message, Opaque, Structure, Text, Tool, Untranslatable

HELLO = [{"role": "user", "content": "hi"}]


def test_the_system_comes_first() -> None:
    ask = read_request({"system": "s", "messages": HELLO})
    assert ask.messages == [Message("system", [Text("s")]), Message("user", [Text("hi")])]


def test_settings() -> None:
    ask = read_request({
        "messages": HELLO, "max_tokens": 5, "stop_sequences": ["a"], "top_k": 3, "thinking": {"type": "adaptive"},
        "output_config": {"effort": "high", "format": {"type": "json_schema", "schema": {"type": "object"}}},
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}, "metadata": {"user_id": "u"},
        "betas": ["x"],
    })  # fmt: skip
    settings = ask.settings
    assert (settings.max_tokens, settings.stop, settings.top_k, settings.effort, settings.user) == (
        5,
        ["a"],
        3,
        "high",
        "u",
    )
    assert settings.structure == Structure({"type": "object"})
    assert (settings.choice, settings.parallel) == (Choice("named", "f"), False)
    assert ask.extra == {"betas": ["x"]}


def test_metadata_with_more_than_a_user_is_kept() -> None:
    assert read_request({"messages": HELLO, "metadata": {"user_id": "u", "a": 1}}).extra == {
        "metadata": {"user_id": "u", "a": 1}
    }


@pytest.mark.parametrize(("kind", "choice"), [("auto", "auto"), ("any", "required"), ("none", "none")])
def test_choices(kind: str, choice: Any) -> None:
    assert read_request({"messages": HELLO, "tool_choice": {"type": kind}}).settings.choice == Choice(choice)


def test_tools_of_the_provider_are_kept_as_they_came() -> None:
    server = {"type": "web_search_20250305", "name": "web_search"}
    tools = [server, {"type": "custom", "name": "f", "input_schema": {"type": "object"}, "strict": True}]
    assert read_request({"messages": HELLO, "tools": tools}).tools == [
        Opaque("messages", server), Tool("f", schema={"type": "object"}, strict=True),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "messages"),
        ({"messages": [1]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].role"),
        ({"messages": HELLO, "system": {}}, "system"),
        ({"messages": HELLO, "tools": [{}]}, "tools[0].name"),
        ({"messages": HELLO, "tool_choice": "auto"}, "tool_choice"),
        ({"messages": HELLO, "tool_choice": {"type": "x"}}, "tool_choice"),
        ({"messages": HELLO, "stop_sequences": "a"}, "stop_sequences"),
        ({"messages": HELLO, "output_config": {"format": {"type": "x"}}}, "output_config.format"),
        ({"messages": HELLO, "thinking": True}, "thinking"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], param: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        read_request(body)
    assert caught.value.param == param
