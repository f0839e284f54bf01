from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.dialects.chat.stream import DONE, Reader, Writer
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


def delta(reason: str | None = None, **fields: Any) -> bytes:
    return json.dumps({"id": "c1", "choices": [{"index": 0, "delta": fields, "finish_reason": reason}]}).encode()


def call(index: int | None, **fields: Any) -> bytes:
    return delta(tool_calls=[({} if index is None else {"index": index}) | fields])


def read(*events: bytes) -> list[StreamEvent]:
    reader = Reader()
    return [event for data in events for event in reader.read(data)]


def test_a_part_begins_with_its_first_piece() -> None:
    assert read(delta(role="assistant"), delta(content="a"), delta(content="b"), delta("stop"), DONE) == [
        Started("c1"), Opened(0, Text("")), Grew(0, "text", "a"), Grew(0, "text", "b"), Shut(0), Stopped(Stop.END), Ended(),
    ]  # fmt: skip


def test_usage_behind_the_reason_is_waited_for() -> None:
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    reader = Reader()
    reader.read(delta(content="a"))
    assert [type(event) for event in reader.read(delta("length"))] == [Shut]
    assert reader.complete
    (stopped,) = reader.read(json.dumps({"id": "c1", "choices": [], "usage": usage}).encode())
    assert stopped == Stopped(Stop.LENGTH, tokens=Tokens(input=3, output=2))
    assert reader.usage == usage
    assert reader.read(DONE) == [Ended()]


def test_whole_calls_without_numbers_or_ids() -> None:
    function = {"name": "f", "arguments": "{}"}
    events = read(call(None, function=function), call(None, function=function), delta("stop"), DONE)
    opened = [event.part for event in events if isinstance(event, Opened)]
    assert opened == [ToolCall("call_c1_0", "f", ""), ToolCall("call_c1_1", "f", "")]
    assert Stopped(Stop.TOOL) in events


def test_a_call_without_number_that_comes_in_pieces() -> None:
    events = read(
        call(None, id="a", function={"name": "f"}), call(None, function={"arguments": "{}"}), delta("tool_calls")
    )
    assert [event.text for event in events if isinstance(event, Grew)] == ["{}"]


@pytest.mark.parametrize(
    "events",
    [
        (
            call(0, id="a", function={"name": "f"}),
            call(1, id="b", function={"name": "g"}),
            call(0, function={"arguments": "{"}),
        ),
        (call(0, function={"arguments": "{"}),),
        (b"{",),
        (b'{"choices":[{"delta":{"content":[1]}}]}',),
        (b"\xff",),
    ],
)
def test_what_cannot_be_put_in_its_place_is_an_error(events: tuple[bytes, ...]) -> None:
    with pytest.raises(Untranslatable):
        read(*events)


def test_other_choices_and_errors() -> None:
    other = json.dumps({"id": "c1", "choices": [{"index": 1, "delta": {"content": "x"}}]}).encode()
    assert read(other) == [Started("c1")]
    assert read(b'{"error":{"message":"no","type":"t"}}') == [Failed("t", "no")]
    assert read(b'{"error":"no"}') == [Failed("upstream_error", "no")]


def chunks(*events: StreamEvent, wants_usage: bool = True) -> list[Any]:
    writer = Writer("public", 1, wants_usage, {"short": "long"})
    text = b"".join(map(writer.write, (Started("a"), *events))).decode()
    return [json.loads(line[6:]) for line in text.split("\n\n") if line and line != "data: [DONE]"]


def test_a_call_without_arguments_still_has_json() -> None:
    written = chunks(Opened(0, ToolCall("t", "short", "")), Grew(0, "arguments", ""), Shut(0))
    calls = [chunk["choices"][0]["delta"].get("tool_calls") for chunk in written]
    assert calls == [
        None,
        [{"index": 0, "id": "t", "type": "function", "function": {"name": "long", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": "{}"}}],
    ]


def test_all_chunks_are_of_one_answer() -> None:
    written = chunks(
        Opened(0, Text("")), Grew(0, "text", 'a"\n'), Shut(0), Stopped(Stop.SEQUENCE, "x", Tokens(1, output=2))
    )
    assert {(chunk["id"], chunk["model"], chunk["created"]) for chunk in written} == {("a", "public", 1)}
    assert written[1]["choices"][0]["delta"] == {"content": 'a"\n'}
    assert written[2]["choices"][0]["finish_reason"] == "stop"
    assert written[3]["usage"]["total_tokens"] == 3


def test_no_usage_is_invented() -> None:
    assert not any("usage" in chunk for chunk in chunks(Stopped(Stop.END)))
    assert not any("usage" in chunk for chunk in chunks(Stopped(Stop.END, tokens=Tokens(1)), wants_usage=False))


def test_failures_say_something() -> None:
    writer = Writer("m", 1, False, {})
    assert b"broke off" in writer.write(Failed("t", ""))
    assert b'"code":"502"' in writer.write(Failed("t", "no"))
    assert writer.write(Ended()) == b"data: [DONE]\n\n"
    assert writer.unsaid() == b""
