from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.dialects.messages.compose import DEFAULT_MAX_TOKENS, ONLY_JSON, write_request
from phantom_gateway.dialects.neutral import (
    Ask,
    Choice,
    Message,
    Opaque,
    Settings,
    Structure,
    Terms,
    Text,
    Thinking,
    Tool,
    ToolResult,
    Untranslatable,
)

HELLO = Message("user", [Text("hi")])


def write(*messages: Message, terms: Terms | None = None, **fields: Any) -> tuple[dict[str, Any], list[str]]:
    written = write_request(Ask(list(messages) or [HELLO], **fields), terms or Terms("m"))
    return written.body, written.dropped


def test_a_bound_is_always_sent() -> None:
    assert write()[0]["max_tokens"] == DEFAULT_MAX_TOKENS
    assert write(terms=Terms("m", output_limit=9))[0]["max_tokens"] == 9
    assert write(terms=Terms("m", output_limit=9), settings=Settings(max_tokens=3))[0]["max_tokens"] == 3


def test_turns_alternate_and_results_come_first() -> None:
    body, _ = write(
        Message("system", [Text("s")]),
        Message("user", [Text("a")]),
        Message("user", [ToolResult("c", [Text("r")])]),
        Message("assistant", []),
        Message("system", [Text("t")]),
    )
    assert body["system"] == [{"type": "text", "text": "s"}, {"type": "text", "text": "t"}]
    assert body["messages"] == [
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "c", "content": "r"}, {"type": "text", "text": "a"}],
        }
    ]


@pytest.mark.parametrize(
    ("effort", "limit", "budget"),
    [("low", 8000, 1024), ("medium", 8000, 2048), ("high", 3000, 2999), ("max", 1024, None)],
)
def test_thinking_fits_within_the_bound(effort: str, limit: int, budget: int | None) -> None:
    body, dropped = write(settings=Settings(effort=effort, max_tokens=limit))
    assert body.get("thinking", {}).get("budget_tokens") == budget
    assert dropped == ([] if budget else ["reasoning_effort"])


def test_effort_as_the_model_takes_it() -> None:
    adaptive = Terms("m", traits=frozenset({"adaptive_thinking"}))
    body, _ = write(settings=Settings(effort="minimal"), terms=adaptive)
    assert (body["thinking"], body["output_config"]) == ({"type": "adaptive"}, {"effort": "low"})
    both, _ = write(
        settings=Settings(effort="high", thinking={"type": "adaptive", "display": "omitted"}), terms=adaptive
    )
    assert both["thinking"] == {"type": "adaptive", "display": "omitted"}
    assert both["output_config"] == {"effort": "high"}
    assert "thinking" not in write(settings=Settings(effort="none"))[0]
    assert write(settings=Settings(effort="low"), terms=Terms("m", traits=frozenset({"no_reasoning"})))[1] == [
        "reasoning_effort"
    ]
    with pytest.raises(Untranslatable, match="reasoning_effort"):
        write(settings=Settings(effort="enormous"))


def test_json_with_and_without_a_schema() -> None:
    assert write(settings=Settings(structure=Structure({"type": "object"})))[0]["output_config"] == {
        "format": {"type": "json_schema", "schema": {"type": "object"}}
    }
    assert write(settings=Settings(structure=Structure()))[0]["system"] == [{"type": "text", "text": ONLY_JSON}]


def test_choices() -> None:
    tools = [Tool("f")]
    assert write(tools=tools, settings=Settings(choice=Choice("named", "f"), parallel=False))[0]["tool_choice"] == {
        "type": "tool", "name": "f", "disable_parallel_tool_use": True,
    }  # fmt: skip
    assert write(tools=tools, settings=Settings(parallel=True))[0]["tool_choice"] == {
        "type": "auto", "disable_parallel_tool_use": False,
    }  # fmt: skip
    assert write(tools=tools, settings=Settings(choice=Choice("none"), parallel=True))[0]["tool_choice"] == {
        "type": "none"
    }
    assert "tool_choice" not in write(settings=Settings(choice=Choice("auto")))[0]


@pytest.mark.parametrize(
    "name", ["n", "logprobs", "seed", "frequency_penalty", "logit_bias", "web_search_options", "functions"]
)
def test_what_would_change_the_answer_is_refused_or_dropped_on_demand(name: str) -> None:
    with pytest.raises(Untranslatable) as caught:
        write(extra={name: [2]})
    assert caught.value.param == name
    body, dropped = write(extra={name: [2]}, terms=Terms("m", drop=True))
    assert name not in body
    assert dropped == [name]


def test_what_says_nothing_or_changes_nothing_is_left_out() -> None:
    body, dropped = write(extra={"n": 1, "logprobs": False, "frequency_penalty": 0.0, "seed": None, "store": True})
    assert set(body) == {"model", "max_tokens", "messages"}
    assert dropped == ["store"]


def test_anthropics_own_fields_and_unknown_ones_go_on() -> None:
    body, dropped = write(extra={"container": "c", "output_config": {"effort": "low"}, "novel": [1]})
    assert (body["container"], body["output_config"], body["novel"], dropped) == ("c", {"effort": "low"}, [1], [])


def test_thinking_without_a_signature_is_left_out() -> None:
    body, dropped = write(HELLO, Message("assistant", [Thinking("hm"), Text("ok")]))
    assert body["messages"][1]["content"] == [{"type": "text", "text": "ok"}]
    assert dropped == ["messages.thinking"]


def test_a_part_nobody_can_say_is_refused() -> None:
    with pytest.raises(Untranslatable, match="input_audio"):
        write(Message("user", [Text("hear"), Opaque("chat", {"type": "input_audio"})]))


def test_temperatures_end_at_one() -> None:
    assert write(settings=Settings(temperature=1.7))[0]["temperature"] == 1
    assert write(settings=Settings(temperature=0.0))[0]["temperature"] == 0
