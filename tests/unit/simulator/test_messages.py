from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.simulator import messages
from phantom_gateway.simulator.answers import ABSURD, Answer
from phantom_gateway.simulator.modes import MODES, build
from phantom_gateway.simulator.reading import BadRequestError, read

HELLO = [{"role": "user", "content": "hello there"}]
TOOL = {"name": "f", "input_schema": {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}}


def answer(**fields: Any) -> Answer:
    body = {"model": "m", "max_tokens": 500, "messages": HELLO} | fields
    return messages.messages(read(json.dumps(body).encode(), ""))


def shown(**fields: Any) -> Any:
    return json.loads(answer(**fields).body)


def events(**fields: Any) -> list[Any]:
    return [json.loads(event.data) for event in answer(stream=True, **fields).events]


def test_a_message() -> None:
    whole = shown(simulate={"chunks": 3})
    assert (whole["type"], whole["role"], whole["stop_reason"]) == ("message", "assistant", "end_turn")
    assert len(whole["content"][0]["text"].split()) == 3
    assert (whole["usage"]["input_tokens"], whole["usage"]["output_tokens"]) == (5, 3)
    assert shown(max_tokens=2, simulate={"chunks": 3})["stop_reason"] == "max_tokens"


def test_a_stream_says_the_same() -> None:
    said = events(simulate={"chunks": 3})
    assert [event["type"] for event in said] == [
        "message_start", "ping", "content_block_start", *["content_block_delta"] * 3, "content_block_stop", "message_delta",
        "message_stop",
    ]  # fmt: skip
    text = "".join(event["delta"]["text"] for event in said if event["type"] == "content_block_delta")
    assert text == shown(simulate={"chunks": 3})["content"][0]["text"]
    assert said[-2]["usage"]["output_tokens"] == 3
    assert sum(event.content for event in answer(stream=True, simulate={"chunks": 3}).events) == 3


def test_thinking_comes_first_and_is_known_again() -> None:
    thinking = {"type": "enabled", "budget_tokens": 1024}
    block = shown(thinking=thinking)["content"][0]
    assert block["type"] == "thinking"
    back = [*HELLO, {"role": "assistant", "content": [block]}, *HELLO]
    assert shown(messages=back)["stop_reason"] == "end_turn"
    forged = [*HELLO, {"role": "assistant", "content": [block | {"signature": "x"}]}, *HELLO]
    with pytest.raises(BadRequestError, match="signature"):
        answer(messages=forged)
    deltas = [
        event["delta"]["type"]
        for event in events(thinking={"type": "adaptive"})
        if event["type"] == "content_block_delta"
    ]
    assert deltas[: len(messages.THOUGHT) + 1] == ["thinking_delta"] * len(messages.THOUGHT) + ["signature_delta"]


@pytest.mark.parametrize("choice", [{"type": "any"}, {"type": "tool", "name": "f"}])
def test_a_tool_is_called(choice: dict[str, Any]) -> None:
    whole = shown(tools=[TOOL, {"type": "web_search_20250305", "name": "web_search"}], tool_choice=choice)
    block = whole["content"][0]
    assert (whole["stop_reason"], block["type"], block["name"], block["input"]) == (
        "tool_use",
        "tool_use",
        "f",
        {"a": 0},
    )
    pieces = [
        event["delta"]["partial_json"]
        for event in events(tools=[TOOL], tool_choice=choice)
        if "delta" in event and "partial_json" in event["delta"]
    ]
    assert json.loads("".join(pieces)) == {"a": 0}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": block["id"], "content": "r"}]}
    assert (
        shown(messages=[*HELLO, {"role": "assistant", "content": [block]}, result], tools=[TOOL])["stop_reason"]
        == "end_turn"
    )
    with pytest.raises(BadRequestError, match="tool_use_id"):
        answer(messages=[*HELLO, result])


def test_a_schema_is_met() -> None:
    output = {"format": {"type": "json_schema", "schema": TOOL["input_schema"]}}
    assert json.loads(shown(output_config=output)["content"][0]["text"]) == {"a": 0}


def test_classes_of_tokens() -> None:
    controls = {
        "prompt_tokens": 100,
        "cached_tokens": 40,
        "written_tokens": 20,
        "written_1h_tokens": 10,
        "reasoning_tokens": 2,
    }
    usage = shown(simulate=controls)["usage"]
    assert (usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"]) == (
        30,
        40,
        30,
    )
    assert usage["cache_creation"] == {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10}
    assert usage["output_tokens_details"] == {"thinking_tokens": 2}
    assert "usage" not in shown(simulate={"usage": "off"})
    assert not any("usage" in event for event in events(simulate={"usage": "off"}))
    assert shown(simulate={"usage": "negative"})["usage"]["input_tokens"] < 0
    assert shown(simulate={"usage": "absurd"})["usage"]["output_tokens"] == ABSURD


@pytest.mark.parametrize(
    "fields",
    [
        {"max_tokens": None},
        {"messages": []},
        {"messages": [{"role": "tool", "content": "x"}]},
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": "{}"}]}]},
    ],
)
def test_what_the_real_one_refuses(fields: dict[str, Any]) -> None:
    with pytest.raises(BadRequestError):
        answer(**fields)


def test_tokens_are_counted() -> None:
    counted = messages.count_tokens(read(json.dumps({"model": "m", "system": "a b", "messages": HELLO}).encode(), ""))
    assert json.loads(counted.body) == {"input_tokens": 7}


def test_errors() -> None:
    assert json.loads(messages.error(529, "no"))["error"] == {"type": "overloaded_error", "message": "no"}
    assert json.loads(messages.error(418, "no"))["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("mode", sorted(MODES))
@pytest.mark.parametrize("stream", [False, True])
def test_every_mode_has_its_script(mode: str, stream: bool) -> None:
    body = {
        "model": "m",
        "max_tokens": 500,
        "messages": HELLO,
        "stream": stream,
        "simulate": {"mode": mode, "size": 5000},
    }
    ask = read(json.dumps(body).encode(), "")
    data = b"".join(piece.data for piece in build(ask, messages.messages(ask)).pieces)
    assert data
    assert b"[DONE]" not in data
    if mode in ("400", "429", "500", "529"):
        assert b'{"type":"error","error":{"type":' in data


def test_what_was_typed_last_is_answered() -> None:
    reminded = [{"type": "text", "text": "<reminder>"}, {"type": "text", "text": "call f"}]
    turns = [{"role": "user", "content": reminded}, {"role": "system", "content": "Be brief."}]
    assert shown(messages=turns, tools=[TOOL])["stop_reason"] == "tool_use"
    before = [{"role": "user", "content": "<reminder>\n\ncall f"}]
    assert shown(messages=before, tools=[TOOL])["stop_reason"] == "tool_use"
