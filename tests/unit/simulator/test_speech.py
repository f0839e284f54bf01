from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.simulator.peer import chat

from phantom_gateway.control.compile import DEMO_PRICES
from phantom_gateway.simulator.reading import read
from phantom_gateway.simulator.speech import Speech, chat_speech

TOOLS = [
    {"type": "function", "function": {"name": "first"}},
    {
        "type": "function",
        "function": {
            "name": "weather",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    },
]


def speak(content: str, limit: int | None = None, **fields: Any) -> Speech:
    return chat_speech(read(json.dumps(chat(content, **fields)).encode(), ""), limit)


def test_it_says_what_it_is_and_what_it_heard() -> None:
    speech = speak("what is the weather")
    assert "simulator" in speech.text
    assert DEMO_PRICES.output > 0
    assert "costs are pretend" in speech.text, "it has a price, and nobody asks for the money"
    assert '"what is the weather"' in speech.text
    assert speech.finish == "stop"
    assert len(speech.chunks) == len(speech.text.split())
    assert "You wrote nothing" in speak("  ").text


def test_a_long_prompt_is_echoed_in_part() -> None:
    assert len(speak("x" * 10_000).text) < 700
    assert '..."' in speak("a " * 50).text


def test_the_number_of_words_and_the_limit() -> None:
    assert len(speak("x", simulate={"chunks": 300}).chunks) == 300
    assert speak("x", simulate={"chunks": 0}).chunks == ()
    limited = speak("x", 4)
    assert (len(limited.chunks), limited.finish) == (4, "length")


def test_words_of_more_bytes_for_split_utf8() -> None:
    assert any(len(chunk.encode()) > len(chunk) for chunk in speak("x", simulate="mode=split_utf8").chunks)


@pytest.mark.parametrize(
    ("content", "choice", "name"),
    [
        ("call weather now", None, "weather"),
        ("call", "required", "first"),
        ("hello", "required", "first"),
        ("hello", {"type": "function", "function": {"name": "weather"}}, "weather"),
    ],
)
def test_it_calls_a_tool_when_told(content: str, choice: Any, name: str) -> None:
    speech = speak(content, tools=TOOLS, tool_choice=choice)
    assert speech.tool is not None
    assert speech.tool.name == name
    assert json.loads(speech.text) == ({"city": "demo"} if name == "weather" else {})
    assert speech.finish == "tool_calls"


@pytest.mark.parametrize(("content", "choice"), [("hello", "auto"), ("hello", None), ("call weather", "none")])
def test_it_calls_no_tool_untold(content: str, choice: Any) -> None:
    assert speak(content, tools=TOOLS, tool_choice=choice).tool is None


def test_after_the_result_of_a_tool_it_speaks() -> None:
    messages = [{"role": "user", "content": "call weather"}, {"role": "tool", "content": "sunny"}]
    raw = json.dumps({"model": "demo", "messages": messages, "tools": TOOLS}).encode()
    assert chat_speech(read(raw, ""), None).tool is None


def test_structured_answers_are_minimal_json() -> None:
    assert json.loads(speak("x", response_format={"type": "json_object"}).text) == {"demo": True}
    schema = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 2}}, "required": ["n"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert json.loads(speak("x", response_format=wanted).text) == {"n": 2}
    assert "demo model" in speak("x", response_format={"type": "text"}).text


def test_several_tools_are_called_at_once_as_far_as_the_limit_lets() -> None:
    speech = speak("call weather first weather please", tools=TOOLS)
    assert [part.tool and part.tool.name for part in speech.parts] == ["weather", "first", "weather"]
    assert [json.loads(part.text) for part in speech.parts] == [{"city": "demo"}, {}, {"city": "demo"}]
    assert len({part.tool.call_id for part in speech.parts if part.tool}) == 3
    assert (speech.finish, speech.tokens) == ("tool_calls", sum(len(part.chunks) for part in speech.parts))
    cut = speak("call weather first weather", limit=4, tools=TOOLS)
    assert (cut.finish, cut.tokens, len(cut.parts)) == ("length", 4, 3)
    assert [part.tool and part.tool.name for part in speak("call nothing weather", tools=TOOLS).parts] == ["first"]
