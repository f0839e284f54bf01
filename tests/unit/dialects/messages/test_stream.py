from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.dialects.messages.stream import STOP, Event, Reader, Writer, merged, read_event
from phantom_gateway.dialects.neutral import (
    Ended,
    Failed,
    Grew,
    Opened,
    Shut,
    Started,
    Stop,
    Stopped,
    Text,
    Thinking,
    Tokens,
    ToolCall,
    Untranslatable,
)


def event(kind: str, **fields: Any) -> bytes:
    return json.dumps({"type": kind} | fields).encode()


def delta(**fields: Any) -> bytes:
    return event("content_block_delta", index=1, delta=fields)


START = event(
    "message_start",
    message={"id": "msg_1", "usage": {"input_tokens": 7, "cache_read_input_tokens": 2, "output_tokens": 1}},
)


def test_the_end_has_all_usage() -> None:
    reader = Reader()
    assert reader.read(START) == [Started("msg_1", Tokens(7, 2, output=1))]
    assert reader.usage == {"input_tokens": 7, "cache_read_input_tokens": 2}
    assert reader.read(event("ping")) == []
    end = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 9, "input_tokens": None})
    assert reader.read(end) == []
    assert reader.complete
    assert reader.read(event("message_stop")) == [Stopped(Stop.END, tokens=Tokens(7, 2, output=9)), Ended()]
    assert reader.close() == []


def test_usage_of_the_output_is_not_taken_from_the_beginning() -> None:
    started = read_event(START)
    assert started is not None
    assert merged(None, started) == {"input_tokens": 7, "cache_read_input_tokens": 2}
    assert merged({"a": 1}, Event(type="message_delta")) == {"a": 1}
    assert merged({"a": 1}, Event(type="message_start", message={"usage": []})) == {"a": 1}


@pytest.mark.parametrize(
    ("fields", "grown"),
    [
        ({"type": "text_delta", "text": "a"}, Grew(1, "text", "a")),
        ({"type": "input_json_delta", "partial_json": "{"}, Grew(1, "arguments", "{")),
        ({"type": "thinking_delta", "thinking": "h"}, Grew(1, "thinking", "h")),
        ({"type": "signature_delta", "signature": "s"}, Grew(1, "signature", "s")),
        ({"type": "citations_delta", "citation": {"a": 1}}, Grew(1, "citation", value={"a": 1})),
        ({"type": "novel"}, Grew(1, "opaque", value={"type": "novel"})),
    ],
)
def test_deltas_there_and_back(fields: dict[str, Any], grown: Grew) -> None:
    assert Reader().read(delta(**fields)) == [grown]
    written = Writer("m", 1, False, {}).write(grown)
    assert written.startswith(b"event: content_block_delta\ndata: ")
    assert json.loads(written.partition(b"data: ")[2]) == {"type": "content_block_delta", "index": 1, "delta": fields}


def test_blocks_that_begin_with_something() -> None:
    text = event("content_block_start", index=0, content_block={"type": "text", "text": "a"})
    assert Reader().read(text) == [Opened(0, Text("")), Grew(0, "text", "a")]
    thought = event(
        "content_block_start", index=0, content_block={"type": "thinking", "thinking": "h", "signature": ""}
    )
    assert Reader().read(thought) == [Opened(0, Thinking("")), Grew(0, "thinking", "h")]
    tool = event(
        "content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "f", "input": {}}
    )
    assert Reader().read(tool) == [Opened(0, ToolCall("t", "f", ""))]


def test_errors() -> None:
    assert Reader().read(event("error", error={"type": "overloaded_error", "message": "x"})) == [
        Failed("overloaded_error", "x")
    ]
    assert Reader().read(event("error")) == [Failed("api_error", "")]
    for bad in (b"{", b"[]", event("content_block_start"), event("content_block_delta"), delta(type="text_delta")):
        with pytest.raises(Untranslatable):
            Reader().read(bad)


def test_what_is_written() -> None:
    writer = Writer("public", 1, False, {"short": "long"})
    started = json.loads(writer.write(Started("chatcmpl-1")).partition(b"data: ")[2])
    assert (started["message"]["id"], started["message"]["model"]) == ("msg_1", "public")
    opened = json.loads(writer.write(Opened(0, ToolCall("t", "short", "{}"))).partition(b"data: ")[2])
    assert opened["content_block"] == {"type": "tool_use", "id": "t", "name": "long", "input": {}}
    stopped = json.loads(writer.write(Stopped(Stop.SEQUENCE, "END")).partition(b"data: ")[2])
    assert stopped["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert writer.write(Shut(2)) == b'event: content_block_stop\ndata: {"type":"content_block_stop","index":2}\n\n'
    assert writer.write(Ended()) == writer.unsaid() == STOP
    assert writer.write(Failed("x", "no")).startswith(b"event: error\n")
