from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.dialects.gemini.stream import Reader, Writer, merged, reason_of
from phantom_gateway.dialects.neutral import (
    Ended,
    Failed,
    Grew,
    Image,
    Opened,
    Redacted,
    Shut,
    Started,
    Stop,
    Stopped,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    Untranslatable,
)


def data(*parts: dict[str, Any], usage: Any = None, **candidate: Any) -> bytes:
    return json.dumps(
        {"candidates": [{"content": {"parts": list(parts)}} | candidate], "usageMetadata": usage, "responseId": "r"}
    ).encode()


def read(*events: bytes) -> list[StreamEvent]:
    reader = Reader()
    found = [each for event in events for each in reader.read(event)]
    return [*found, *reader.close()]


def test_pieces_become_parts() -> None:
    events = read(
        data({"text": "Hm", "thought": True}),
        data({"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}),
        data({"text": "x"}, {"text": "y"}, finishReason="STOP", usage={"promptTokenCount": 1, "totalTokenCount": 1}),
    )
    assert events[:2] == [Started("r"), Opened(0, Thinking(""))]
    assert [each for each in events if isinstance(each, Grew)] == [
        Grew(0, "thinking", "Hm"), Grew(0, "signature", "gemini:c2ln"), Grew(1, "arguments", '{"a":1}'), Grew(2, "text", "x"),
        Grew(2, "text", "y"),
    ]  # fmt: skip
    assert [each.index for each in events if isinstance(each, Shut)] == [0, 1, 2]
    assert isinstance(events[-2], Stopped)
    assert events[-2].stop is Stop.TOOL
    assert events[-1] == Ended()


def test_a_stream_without_reason_has_no_end() -> None:
    reader = Reader()
    reader.read(data({"text": "x"}))
    assert not reader.complete
    assert reader.close() == []


def test_only_the_first_candidate_is_told() -> None:
    assert not any(isinstance(each, Opened) for each in read(data({"text": "x"}, index=1)))


def test_before_the_end_no_sum_is_believed() -> None:
    event = {"usageMetadata": {"promptTokenCount": 8, "totalTokenCount": 8}}
    assert merged(None, event) == {"promptTokenCount": 8}
    last = event | {"candidates": [{"finishReason": "STOP"}]}
    assert merged({"x": 1}, last) == last["usageMetadata"]
    assert merged({"x": 1}, {}) == {"x": 1}
    assert reason_of({"candidates": [{"finishReason": "FINISH_REASON_UNSPECIFIED"}, 3]}) is None


def test_faults() -> None:
    assert read(b'{"error":{"status":"UNAVAILABLE","message":"m"}}') == [Failed("UNAVAILABLE", "m")]
    assert isinstance(read(data(finishReason="MALFORMED_FUNCTION_CALL"))[-1], Failed)
    for event in (b"[DONE]", b"[]", b"{", b'{"candidates":3}', b'{"candidates":[{"content":{"parts":[{"text":3}]}}]}'):
        with pytest.raises(Untranslatable):
            Reader().read(event)


def test_sources_and_probabilities() -> None:
    events = read(
        data(
            {"text": "x"},
            citationMetadata={"citationSources": [{"uri": "u"}]},
            logprobsResult={"chosenCandidates": [{"token": "x", "logProbability": -1}]},
        )
    )
    kinds = [each.kind for each in events if isinstance(each, Grew)]
    assert kinds == ["text", "citation", "logprobs"]


def written(*events: StreamEvent) -> list[Any]:
    writer = Writer("public", 1, True, {"g": "f"})
    out = b"".join([writer.write(event) for event in events]) + writer.unsaid()
    return [json.loads(event.removeprefix(b"data: ")) for event in out.split(b"\n\n") if event]


def test_a_call_is_written_when_it_is_whole() -> None:
    call = ToolCall("c", "g", "")
    begun = (Started("i"), Opened(0, call), Grew(0, "arguments", '{"a":'))
    assert written(*begun) == []
    part = written(*begun, Grew(0, "arguments", "1}"), Shut(0))[0]["candidates"][0]["content"]["parts"][0]
    assert part == {"functionCall": {"id": "c", "name": "f", "args": {"a": 1}}}


def test_signed_thinking_and_citations() -> None:
    events = written(
        Started("i"), Opened(0, Thinking("")), Grew(0, "thinking", "a"), Grew(0, "signature", "s"), Shut(0),
        Opened(1, Redacted("r")), Shut(1), Opened(2, Text("")), Grew(2, "text", "b"), Grew(2, "citation", value={"url": "u"}),
        Shut(2), Opened(3, Image(media_type="image/png", data="AA")), Shut(3), Grew(3, "logprobs", value=[]),
        Stopped(Stop.LENGTH), Ended(),
    )  # fmt: skip
    parts = [event["candidates"][0]["content"]["parts"][0] for event in events]
    assert [sorted(part) for part in parts] == [
        ["text", "thought"], ["text", "thought", "thoughtSignature"], ["text", "thought", "thoughtSignature"], ["text"],
        ["inlineData"], ["text"],
    ]  # fmt: skip
    last = events[-1]["candidates"][0]
    assert last["finishReason"] == "MAX_TOKENS"
    assert last["citationMetadata"] == {"citationSources": [{"uri": "u"}]}
    assert written(Failed("x", "m"))[0]["error"]["message"] == "m"
