from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.chat.compose import MAX_NAME, write_request
from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Image,
    Message,
    Opaque,
    Settings,
    Terms,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)

HELLO = Message("user", [Text("hi")])


def write(*messages: Message, traits: tuple[str, ...] = (), **fields: Any) -> tuple[dict[str, Any], list[str]]:
    written = write_request(Ask(list(messages) or [HELLO], **fields), Terms("m", traits=frozenset(traits)))
    return written.body, written.dropped


def test_results_come_before_what_the_user_says_and_what_can_be_seen_behind_them() -> None:
    image = Image(url="https://e.com/a")
    body, _ = write(
        Message("user", [Text("well?"), ToolResult("c", [image]), ToolResult("d", [Text("no")], is_error=True)])
    )
    assert body["messages"] == [
        {"role": "tool", "tool_call_id": "c", "content": "See the attachment that follows."},
        {"role": "tool", "tool_call_id": "d", "content": "Error: no"},
        {
            "role": "user",
            "content": [
                {"type": "image_url", "image_url": {"url": "https://e.com/a"}},
                {"type": "text", "text": "well?"},
            ],
        },
    ]


def test_a_name_that_is_too_long_is_shortened_everywhere_and_remembered() -> None:
    name = "n" * (MAX_NAME + 1)
    other = name + "x"
    ask = Ask(
        [HELLO, Message("assistant", [ToolCall("c", name, "{}")])],
        tools=[Tool(name), Tool(other), Tool("short")],
        settings=Settings(choice=Choice("named", other)),
    )
    written = write_request(ask, Terms("m"))
    names = [tool["function"]["name"] for tool in written.body["tools"]]
    assert len(set(names)) == 3
    assert all(len(each) <= MAX_NAME for each in names)
    assert written.body["messages"][1]["tool_calls"][0]["function"]["name"] == names[0]
    assert written.body["tool_choice"]["function"]["name"] == names[1]
    assert written.renamed == {names[0]: name, names[1]: other}


@pytest.mark.parametrize(("budget", "effort"), [(1024, "low"), (5000, "medium"), (10_000, "high"), (None, "low")])
def test_a_budget_of_thinking_is_an_effort(budget: int | None, effort: str) -> None:
    thinking = {"type": "enabled", "budget_tokens": budget}
    assert write(settings=Settings(thinking=thinking))[0]["reasoning_effort"] == effort
    body, dropped = write(settings=Settings(thinking=thinking), traits=("no_reasoning",))
    assert "reasoning_effort" not in body
    assert dropped == ["thinking"]


def test_thinking_that_is_off_asks_for_nothing() -> None:
    assert "reasoning_effort" not in write(settings=Settings(thinking={"type": "disabled"}))[0]


def test_breakpoints_go_where_they_are_understood() -> None:
    cached = Message("user", [Text("a", {"type": "ephemeral"})])
    assert write(cached)[0]["messages"][0]["content"] == "a"
    assert write(cached, traits=("cache_control",))[0]["messages"][0]["content"][0]["cache_control"] == {
        "type": "ephemeral"
    }


def test_what_has_no_counterpart_is_left_out_and_named() -> None:
    body, dropped = write(
        Message("assistant", [Thinking("hm", "sig"), Text("ok"), Opaque("messages", {"type": "compaction"})]),
        tools=[Opaque("messages", {"type": "bash_20250124"})],
        settings=Settings(top_k=3, choice=Choice("auto")),
        extra={"container": "c", "novel": 1},
    )
    assert body == {
        "model": "m",
        "messages": [{"role": "assistant", "content": [{"type": "text", "text": "ok"}]}],
        "novel": 1,
    }
    assert dropped == ["messages.thinking", "messages.compaction", "tools.bash_20250124", "top_k", "container"]


def test_the_bound_has_the_name_the_provider_knows() -> None:
    assert write(settings=Settings(max_tokens=5))[0]["max_tokens"] == 5
    assert write(settings=Settings(max_tokens=5), traits=("max_completion_tokens",))[0]["max_completion_tokens"] == 5


def test_what_claude_code_tells_anthropic_stays_between_them() -> None:
    billing = Text("x-anthropic-billing-header: cc_version=2.1;")
    body, _ = write(Message("system", [billing, Text("Be brief.")]), Message("system", [billing]), HELLO)
    assert body["messages"] == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
