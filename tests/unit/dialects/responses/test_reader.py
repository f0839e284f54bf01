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
    ToolCall,
    Untranslatable,
)
from phantom_gateway.dialects.responses.reader import Reader


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
