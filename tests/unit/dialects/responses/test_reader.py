from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.config.secret import Secret
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
    ToolCall,
    Untranslatable,
)
from phantom_gateway.dialects.responses import reader as module
from phantom_gateway.dialects.responses.reader import Reader
from phantom_gateway.dialects.translation import CHAT, MESSAGES, RESPONSES, TranslatingTap


def read(*events: tuple[str, dict[str, Any]]) -> list[StreamEvent]:
    reader = Reader()
    return [found for kind, fields in events for found in reader.read(json.dumps({"type": kind} | fields).encode())]


def test_a_server_that_says_only_what_grows_is_understood() -> None:
    found = read(
        ("response.created", {"response": {"id": "resp_1"}}),
        ("response.output_text.delta", {"delta": "a"}),
        ("response.completed", {"response": {"status": "completed"}}),
    )
    assert found == [Started("resp_1"), Opened(0, Text("")), Grew(0, "text", "a"), Shut(0), Stopped(Stop.END), Ended()]


def test_a_call_whose_arguments_come_at_its_end() -> None:
    item = {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"a":1}'}
    found = read(
        ("response.output_item.added", {"item": item}),
        ("response.output_item.done", {"item": item}),
        ("response.completed", {"response": {}}),
    )
    assert found == [
        Opened(0, ToolCall("1", "f", "")), Grew(0, "arguments", '{"a":1}'), Shut(0), Stopped(Stop.TOOL), Ended(),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("error", {"code": "server_error", "message": "No."}),
        ("error", {"error": {"code": "server_error", "message": "No."}}),
        ("response.failed", {"response": {"error": {"code": "server_error", "message": "No."}}}),
    ],
)
def test_every_way_to_say_that_it_failed(kind: str, fields: dict[str, Any]) -> None:
    assert read((kind, fields)) == [Failed("server_error", "No.")]


def test_a_call_without_a_name_is_no_call() -> None:
    with pytest.raises(Untranslatable):
        read(("response.function_call_arguments.delta", {"delta": "{}"}))
    assert Reader().read(b"[DONE]") == []


Pieces = list[tuple[str, dict[str, Any]]]


def call(number: int, arguments: str = "") -> dict[str, Any]:
    return {
        "type": "function_call", "id": f"fc_{number}", "call_id": f"call_{number}", "name": f"f{number}",
        "arguments": arguments,
    }  # fmt: skip


def mixed(naming: str) -> Pieces:
    """Two calls at once, the second whole before the first; ``naming``: how the pieces say whose they are."""

    def of(number: int) -> dict[str, Any]:
        index = {"output_index": 0 if naming == "id" else number} if naming != "id alone" else {}
        return index if naming == "index" else index | {"item_id": f"fc_{number}"}

    begin, grow, end = (
        "response.output_item.added",
        "response.function_call_arguments.delta",
        "response.output_item.done",
    )
    pieces: Pieces = [(begin, of(number) | {"item": call(number)}) for number in (0, 1)]
    pieces += [
        (grow, of(number) | {"delta": delta.replace("%d", str(number))})
        for delta in ('{"n":', "%d}")
        for number in (0, 1)
    ]
    pieces += [(end, of(number) | {"item": call(number, '{"n":' + f"{number}}}")}) for number in (1, 0)]
    if naming == "index":  # ids that are others each time, as of some proxies
        for position, (_, fields) in enumerate(pieces):
            if "item" in fields:
                fields["item"]["id"] = f"opaque_{position}"
    return [*pieces, ("response.completed", {"response": {"status": "completed"}})]


@pytest.mark.parametrize("naming", ["both", "index", "id", "id alone"])
def test_calls_that_come_mixed_have_their_own_arguments(naming: str) -> None:
    assert read(*mixed(naming)) == [
        Opened(0, ToolCall("call_0", "f0", "")), Grew(0, "arguments", '{"n":'), Grew(0, "arguments", "0}"), Shut(0),
        Opened(1, ToolCall("call_1", "f1", "")), Grew(1, "arguments", '{"n":'), Grew(1, "arguments", "1}"), Shut(1),
        Stopped(Stop.TOOL), Ended(),
    ]  # fmt: skip


def translated(caller: Any) -> list[dict[str, Any]]:
    """What a caller of another format gets of calls that come mixed."""
    events = [("response.created", {"response": {"id": "resp_1"}}), *mixed("both")]
    stream = b"".join(b"data: " + json.dumps({"type": kind} | fields).encode() + b"\n\n" for kind, fields in events)
    tap = TranslatingTap(RESPONSES.reader(), caller.writer("public", 1, True, {}), 1 << 20, Secret("sk-up"))
    lines = (tap.feed(stream) + tap.tail).splitlines()
    return [json.loads(line[6:]) for line in lines if line.startswith(b"data: {")]


def test_calls_that_come_mixed_as_a_chat() -> None:
    arguments = {0: "", 1: ""}
    for chunk in translated(CHAT):
        for choice in chunk["choices"]:
            for piece in choice["delta"].get("tool_calls", ()):
                arguments[piece["index"]] += piece["function"].get("arguments", "")
    assert arguments == {0: '{"n":0}', 1: '{"n":1}'}


def test_calls_that_come_mixed_as_a_message() -> None:
    arguments: dict[int, str] = {}
    for event in translated(MESSAGES):
        if event["type"] == "content_block_start":
            arguments[event["index"]] = ""
        elif event["type"] == "content_block_delta":
            arguments[event["index"]] += event["delta"]["partial_json"]
    assert arguments == {0: '{"n":0}', 1: '{"n":1}'}


def test_calls_that_begin_at_once_and_are_told_whole_at_their_ends() -> None:
    found = read(
        ("response.output_item.added", {"output_index": 0, "item": call(0)}),
        ("response.output_item.added", {"output_index": 1, "item": call(1)}),
        ("response.output_item.done", {"output_index": 0, "item": call(0, '{"a":0}')}),
        ("response.output_item.done", {"output_index": 1, "item": call(1, '{"b":1}')}),
        ("response.completed", {"response": {}}),
    )
    assert [each for each in found if isinstance(each, Grew)] == [
        Grew(0, "arguments", '{"a":0}'), Grew(1, "arguments", '{"b":1}'),
    ]  # fmt: skip


def test_what_waits_for_a_call_that_is_never_ended_comes_at_the_end() -> None:
    found = read(
        ("response.output_item.added", {"output_index": 0, "item": call(0)}),
        ("response.output_item.added", {"output_index": 1, "item": call(1)}),
        ("response.output_item.added", {"output_index": 2, "item": {"type": "message", "id": "m"}}),
        ("response.output_text.delta", {"output_index": 2, "delta": "a"}),
        ("response.function_call_arguments.delta", {"output_index": 1, "delta": "{}"}),
        ("response.completed", {"response": {}}),
    )
    assert found == [
        Opened(0, ToolCall("call_0", "f0", "")), Shut(0),
        Opened(1, ToolCall("call_1", "f1", "")), Grew(1, "arguments", "{}"), Shut(1),
        Opened(2, Text("")), Grew(2, "text", "a"), Shut(2),
        Stopped(Stop.TOOL), Ended(),
    ]  # fmt: skip


def test_texts_of_two_messages_are_not_run_together() -> None:
    added = "response.output_item.added"
    found = read(
        (added, {"output_index": 0, "item": {"type": "message"}}),
        (added, {"output_index": 1, "item": {"type": "message"}}),
        ("response.output_text.delta", {"output_index": 0, "delta": "a"}),
        ("response.output_text.delta", {"output_index": 1, "delta": "b"}),
        ("response.output_item.done", {"output_index": 0, "item": {"type": "message"}}),
        ("response.output_text.delta", {"output_index": 1, "delta": "c"}),
    )
    assert found == [
        Opened(0, Text("")), Grew(0, "text", "a"), Shut(0), Opened(1, Text("")), Grew(1, "text", "b"), Grew(1, "text", "c"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "piece",
    [
        ("response.function_call_arguments.delta", {"delta": "{}"}),
        ("response.output_item.done", {"item": call(7, "{}")}),
    ],
)
def test_a_piece_that_nobody_can_place_ends_the_answer(piece: tuple[str, dict[str, Any]]) -> None:
    with pytest.raises(Untranslatable, match="mixed"):
        read(
            ("response.output_item.added", {"output_index": 0, "item": call(0)}),
            ("response.output_item.added", {"output_index": 1, "item": call(1)}),
            piece,
        )


def test_a_piece_of_a_call_that_has_ended_belongs_nowhere() -> None:
    with pytest.raises(Untranslatable, match="mixed"):
        read(
            ("response.output_item.added", {"output_index": 0, "item": call(0)}),
            ("response.output_item.done", {"output_index": 0, "item": call(0, "{}")}),
            ("response.function_call_arguments.delta", {"output_index": 0, "delta": "{}"}),
        )


def test_what_waits_takes_a_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_HELD", 400)
    began: Pieces = [
        ("response.output_item.added", {"output_index": number, "item": call(number)}) for number in (0, 1)
    ]
    grown: Pieces = [("response.function_call_arguments.delta", {"output_index": 1, "delta": "x" * 50})]
    assert len(read(*began, *grown)) == 1
    with pytest.raises(Untranslatable, match="too long"):
        read(*began, *grown * 5)
