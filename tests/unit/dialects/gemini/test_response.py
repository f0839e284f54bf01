from __future__ import annotations

import json
from typing import Any

import pytest

from phantom_gateway.dialects.gemini.response import (
    FAILED,
    prefix_of,
    read_answer,
    read_tokens,
    write_answer,
    write_tokens,
)
from phantom_gateway.dialects.neutral import (
    Answer,
    Part,
    Redacted,
    Stop,
    Text,
    Thinking,
    Tokens,
    ToolCall,
    Untranslatable,
)


def read(*parts: dict[str, Any], **candidate: Any) -> Answer:
    shaped = {"candidates": [{"content": {"parts": list(parts)}} | candidate], "responseId": "r-1"}
    return read_answer(json.dumps(shaped).encode())


@pytest.mark.parametrize(
    ("reason", "stop"),
    [("STOP", Stop.END), ("MAX_TOKENS", Stop.LENGTH), ("SAFETY", Stop.FILTER), ("RECITATION", Stop.FILTER), ("SPII", Stop.FILTER),
     ("IMAGE_SAFETY", Stop.FILTER), ("OTHER", Stop.END), (None, Stop.END), ("new", Stop.END)],
)  # fmt: skip
def test_reasons(reason: str | None, stop: Stop) -> None:
    assert read({"text": "a"}, finishReason=reason).stop is stop


@pytest.mark.parametrize("reason", sorted(FAILED))
def test_an_answer_that_came_to_nothing_is_none(reason: str) -> None:
    with pytest.raises(Untranslatable, match=reason):
        read({"text": ""}, finishReason=reason)


def test_calls_end_for_a_tool_and_have_ids_of_their_own() -> None:
    answer = read({"functionCall": {"name": "f", "args": {}}}, finishReason="STOP")
    assert answer.stop is Stop.TOOL
    assert answer.parts == [ToolCall("call_r1_0", "f", "{}")]
    assert prefix_of("ü/1" + "x" * 40) == "call_" + "x" * 24 + "_"


def test_nothing_at_all_is_an_error_but_a_refusal_is_none() -> None:
    with pytest.raises(Untranslatable, match="no candidate"):
        read_answer(b"{}")
    assert read_answer(b'{"promptFeedback":{"blockReason":"OTHER"}}').stop is Stop.FILTER


def test_tokens_there_and_back() -> None:
    usage = {
        "promptTokenCount": 60, "candidatesTokenCount": 28, "cachedContentTokenCount": 20, "thoughtsTokenCount": 12,
        "totalTokenCount": 100,
    }  # fmt: skip
    assert read_tokens(usage) == Tokens(40, 20, 0, 0, 40, 12)
    assert write_tokens(read_tokens(usage)) == usage
    assert read_tokens(None) is None
    assert write_tokens(None)["totalTokenCount"] == 0
    assert write_tokens(Tokens(1, 2, 3, 4, 5, 9))["promptTokenCount"] == 10


def test_writing() -> None:
    parts: list[Part] = [
        Thinking("a", "s"),
        Redacted("r"),
        Text("b", citations=[{"url": "u", "title": "t"}, {"type": "page"}]),
    ]
    parts_written = json.loads(
        write_answer(Answer("i", [*parts, ToolCall("c", "g", "{half")], Stop.TOOL), "public", 1, {"g": "f"})
    )
    candidate = parts_written["candidates"][0]
    assert candidate["finishReason"] == "STOP"
    assert candidate["content"]["parts"][3]["functionCall"] == {"id": "c", "name": "f", "args": {"_unparsed": "{half"}}
    assert candidate["citationMetadata"] == {"citationSources": [{"uri": "u", "title": "t"}]}
    assert (parts_written["modelVersion"], parts_written["responseId"]) == ("public", "i")
