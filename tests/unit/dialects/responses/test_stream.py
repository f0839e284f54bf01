from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.dialects.neutral import (
    Ended,
    Failed,
    Grew,
    Opened,
    Shut,
    Started,
    Stop,
    Stopped,
    StreamEvent,
    Text,
    Tokens,
    ToolCall,
    Untranslatable,
)
from phantom_gateway.dialects.responses import stream
from phantom_gateway.dialects.responses.response import Shape
from phantom_gateway.dialects.responses.stream import Writer


def written(*events: StreamEvent, writer: Writer | None = None) -> list[dict[str, Any]]:
    writer = writer or Writer("public", 1, True, {})
    data = b"".join([writer.write(event) for event in events])
    return [json.loads(line.removeprefix("data: ")) for line in data.decode().split("\n") if line.startswith("data: ")]


def test_texts_of_one_message_are_its_parts() -> None:
    said = written(
        Started("x"), Opened(0, Text("")), Grew(0, "text", "a"), Shut(0), Opened(1, Text("b")), Shut(1),
        Stopped(Stop.LENGTH, tokens=Tokens(output=2)), Ended(),
    )  # fmt: skip
    assert [event["sequence_number"] for event in said] == list(range(len(said)))
    whole = said[-1]["response"]
    assert (said[-1]["type"], whole["status"], whole["usage"]["output_tokens"]) == (
        "response.incomplete",
        "incomplete",
        2,
    )
    (item,) = whole["output"]
    assert [part["text"] for part in item["content"]] == ["a", "b"]
    assert [event["content_index"] for event in said if event["type"] == "response.output_text.delta"] == [0, 1]


def test_the_end_is_said_once_and_only_when_it_is_one() -> None:
    said = written(Started("x"), Opened(0, Text("")), Grew(0, "text", "a"))
    assert not any(event["type"] == "response.completed" for event in said)
    writer = Writer("public", 1, True, {})
    said = written(Started("x"), Stopped(Stop.END), Ended(), Ended(), writer=writer)
    assert [event["type"] for event in said].count("response.completed") == 1
    assert writer.unsaid() == b""


def test_what_failed_does_not_end() -> None:
    said = written(Started("x"), Failed("overloaded", "No."), Ended())
    assert [event["type"] for event in said[2:]] == ["error", "response.failed"]
    assert said[-1]["response"]["error"] == {"code": "server_error", "message": "No."}


def test_a_custom_tool_gets_a_text() -> None:
    writer = Writer("public", 1, True, {"short": "c"}, Shape({"tools": [{"type": "custom", "name": "c"}]}))
    said = written(
        Started("x"), Opened(0, ToolCall("1", "short", "")), Grew(0, "arguments", '{"input"'), Grew(0, "arguments", ':"*** x"}'),
        Shut(0), Stopped(Stop.TOOL), Ended(), writer=writer,
    )  # fmt: skip
    kinds = [event["type"] for event in said]
    assert "response.custom_tool_call_input.done" in kinds
    assert "response.function_call_arguments.delta" not in kinds
    assert said[-1]["response"]["output"][0]["input"] == "*** x"


def test_a_piece_of_nothing_and_an_answer_too_long_end_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Untranslatable):
        written(Started("x"), Grew(4, "text", "a"))
    monkeypatch.setattr(stream, "MAX_HELD", 3)
    with pytest.raises(Untranslatable):
        written(Started("x"), Opened(0, Text("")), Grew(0, "text", "abcd"))
