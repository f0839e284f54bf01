from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from tests.unit.simulator.peer import chat

from phantom_gateway.simulator import answers
from phantom_gateway.simulator.reading import BadRequestError, read


def answer(body: dict[str, Any], endpoint: str = "chat") -> answers.Answer:
    built: answers.Answer = getattr(answers, endpoint)(read(json.dumps(body).encode(), ""))
    return built


def shown(built: answers.Answer) -> list[Any]:
    return [json.loads(event.data) for event in built.events]


def test_a_chat_answer_and_its_bill() -> None:
    built = answer(chat("a b", n=2, max_tokens=4))
    body = json.loads(built.body)
    assert body["usage"] == {"prompt_tokens": 5, "completion_tokens": 8, "total_tokens": 13}
    assert [choice["finish_reason"] for choice in body["choices"]] == ["length", "length"]
    assert (built.bill.prompt, built.bill.completion) == (5, 8)
    assert answer(chat("a b", n=2, max_tokens=4)) == built


def test_usage_details_only_when_asked() -> None:
    built = answer(chat("a", simulate={"cached_tokens": 2, "reasoning_tokens": 5, "chunks": 3}))
    usage = json.loads(built.body)["usage"]
    assert usage["completion_tokens"] == 8
    assert usage["prompt_tokens_details"]["cached_tokens"] == 2
    assert usage["completion_tokens_details"]["reasoning_tokens"] == 5


@pytest.mark.parametrize(
    ("style", "prompt", "completion"), [("negative", -5, -4), ("absurd", answers.ABSURD, answers.ABSURD)]
)
def test_dishonest_usage_leaves_the_bill_honest(style: str, prompt: int, completion: int) -> None:
    built = answer(chat("a", simulate={"usage": style, "chunks": 3}))
    usage = json.loads(built.body)["usage"]
    assert (usage["prompt_tokens"], usage["completion_tokens"]) == (prompt, completion)
    assert (built.bill.prompt, built.bill.completion) == (4, 3)


def test_overrides_are_billed() -> None:
    built = answer(chat("a", simulate={"prompt_tokens": 100, "completion_tokens": 50}))
    assert json.loads(built.body)["usage"]["total_tokens"] == 150
    assert (built.bill.prompt, built.bill.completion) == (100, 50)


def test_a_stream_with_usage_is_shaped_like_the_original() -> None:
    built = answer(chat("a", stream=True, stream_options={"include_usage": True}, simulate={"chunks": 2}))
    first, one, two, finish, last = shown(built)
    assert first["choices"][0]["delta"] == {"role": "assistant", "content": "", "refusal": None}
    assert one["choices"][0]["delta"] == {"content": "Hello!"}
    assert two["choices"][0]["delta"] == {"content": " I"}
    assert finish["choices"][0]["finish_reason"] == "stop"
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 4, "completion_tokens": 2, "total_tokens": 6}
    assert all(event["usage"] is None for event in (first, one, two, finish))
    assert [event.content for event in built.events] == [False, True, True, False, False]


@pytest.mark.parametrize(
    ("usage", "asked", "expected"),
    [
        ("on", False, ["-", "-", "-"]),
        ("off", True, ["-", "-", "-"]),
        ("last", False, ["-", "-", 5]),
        ("last", True, [None, None, 5]),
        ("always", False, [4, 5, 5]),
        ("always", True, [4, 5, 5, 5]),
        ("negative", True, [None, None, None, -7]),
    ],
)
def test_where_usage_stands_in_a_stream(usage: str, asked: bool, expected: list[Any]) -> None:
    options = {"stream_options": {"include_usage": True}} if asked else {}
    built = answer(chat("a", stream=True, simulate={"chunks": 1, "usage": usage}, **options))
    found = [event.get("usage", "-") for event in shown(built)]
    assert [usage["total_tokens"] if isinstance(usage, dict) else usage for usage in found] == expected


def test_choices_of_a_stream_take_turns() -> None:
    events = shown(answer(chat("a", stream=True, n=2, simulate={"chunks": 2})))
    assert [event["choices"][0]["index"] for event in events] == [0, 1, 0, 1, 0, 1, 0, 1]


def test_a_streamed_tool_call() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"const": {"text": "long enough"}}}}]
    events = shown(answer(chat("call f", stream=True, tools=tools)))
    call = events[0]["choices"][0]["delta"]["tool_calls"][0]
    assert call["function"] == {"name": "f", "arguments": ""}
    parts = [event["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] for event in events[1:-1]]
    assert json.loads("".join(parts)) == {"text": "long enough"}
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_text_completions() -> None:
    body = {"model": "demo", "prompt": ["a b", "c"], "max_tokens": 2}
    built = answer(body, "completion")
    assert json.loads(built.body)["usage"]["prompt_tokens"] == 3
    assert [choice["text"] for choice in json.loads(built.body)["choices"]] == ["Hello! I", "Hello! I"]
    events = shown(answer({**body, "stream": True}, "completion"))
    assert {event["object"] for event in events} == {"text_completion"}
    assert "".join(event["choices"][0]["text"] for event in events) == "Hello!Hello! I I"


def test_embeddings_agree_in_both_encodings() -> None:
    body = {"model": "demo", "input": ["a b", "c"], "dimensions": 8}
    plain = json.loads(answer(body, "embeddings").body)
    packed = json.loads(answer({**body, "encoding_format": "base64"}, "embeddings").body)
    assert plain["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
    for one, other in zip(plain["data"], packed["data"], strict=True):
        assert list(struct.unpack("<8f", base64.b64decode(other["embedding"]))) == one["embedding"]
        assert sum(value * value for value in one["embedding"]) == pytest.approx(1)
    assert plain["data"][0]["embedding"] != plain["data"][1]["embedding"]
    with pytest.raises(BadRequestError, match="dimensions"):
        answer({**body, "dimensions": 0}, "embeddings")


def test_models_and_errors() -> None:
    assert json.loads(answers.models())["data"][0]["id"] == "demo"
    failed = json.loads(answers.error(429, "slow down", code="x"))["error"]
    assert failed == {"message": "slow down", "type": "rate_limit_error", "param": None, "code": "x"}
