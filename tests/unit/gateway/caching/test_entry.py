"""What of an answer is kept, and which answers are."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.dialects.messages.tap import MessagesTap
from phantom_gateway.dialects.openai import StreamTap
from phantom_gateway.dialects.operations import CHAT, EMBEDDINGS
from phantom_gateway.gateway.caching.entry import Entry, Recorder, decode, encode, is_counted, is_sound, is_worth
from phantom_gateway.ledger.usage import Usage

COUNTED = Usage(input=1, output=2, source="provider")


def chat(reason: str | None = "stop", **message: Any) -> dict[str, Any]:
    return {
        "choices": [{"index": 0, "finish_reason": reason, "message": {"role": "assistant", "content": "hi"} | message}]
    }


def calls(**rest: Any) -> dict[str, Any]:
    return (
        chat("tool_calls", tool_calls=[{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}])
        | rest
    )


TOOLS = (
    calls(),
    chat("function_call", function_call={"name": "f", "arguments": "{}"}),
    {"content": [{"type": "tool_use", "id": "1", "name": "f", "input": {}}], "stop_reason": "tool_use"},
    {"content": [{"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}}]},
    {"output": [{"type": "function_call", "name": "f", "arguments": "{}"}], "status": "completed"},
    {"output": [{"type": "web_search_call"}]},
    {"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]},
)
FILTERED = (
    chat("content_filter"),
    {"stop_reason": "refusal", "content": []},
    {"candidates": [{"finishReason": "SAFETY"}]},
    {"promptFeedback": {"blockReason": "SAFETY"}},
    {"status": "failed", "output": []},
    {"status": "queued", "output": []},
)
CUT = (
    chat("length"),
    {"stop_reason": "max_tokens", "content": []},
    {"candidates": [{"finishReason": "MAX_TOKENS"}]},
    {"status": "incomplete", "output": []},
)
PLAIN = (
    chat(),
    chat(tool_calls=None),
    chat(tool_calls=[], function_call=None),
    chat(content='say "finish_reason": "content_filter" and "type": "tool_use" and "tool_calls": [{'),
    {"stop_reason": "end_turn", "content": [{"type": "text", "text": "hi"}]},
    {"data": [{"embedding": [0.1]}]},
)


@pytest.mark.parametrize("compact", [True, False])
@pytest.mark.parametrize("streamed", [True, False])
@pytest.mark.parametrize(
    ("answers", "verdicts"),
    [
        (PLAIN, (True, True, True)),
        (TOOLS, (True, True, False)),
        (CUT, (False, True, True)),
        (FILTERED, (False, False, False)),
    ],
)
def test_worth(
    answers: tuple[dict[str, Any], ...], verdicts: tuple[bool, ...], *, compact: bool, streamed: bool
) -> None:
    """For a caller that set no bound and does not share; one that set a bound; and one that set it and shares."""
    for answer in answers:
        body = json.dumps(answer, separators=(",", ":") if compact else None).encode()
        body = b"data: " + body + b"\n\ndata: [DONE]\n\n" if streamed else body
        found = (
            is_worth(body, bounded=False, shared=False), is_worth(body, bounded=True, shared=False),
            is_worth(body, bounded=True, shared=True),
        )  # fmt: skip
        assert found == verdicts, answer


@pytest.mark.parametrize(
    ("usage", "chat_counts", "embedding_counts"),
    [
        (COUNTED, True, True),
        (Usage(input=1, source="provider"), False, True),
        (Usage(output=1, source="provider"), False, False),
        (Usage(input=1, output=1, source="estimated"), False, False),
        (Usage(input=1, output=1, source="provider", flags=("lost_attempts",)), False, False),
        (Usage(), False, False),
    ],
)
def test_counted(usage: Usage, *, chat_counts: bool, embedding_counts: bool) -> None:
    assert (is_counted(usage, CHAT), is_counted(usage, EMBEDDINGS)) == (chat_counts, embedding_counts)


def test_there_and_back() -> None:
    entry = Entry(at=1.5, until=2.5, deployment_id="d", upstream_model="m", usage=COUNTED, cost=7, body=b"\0\xff")
    assert decode(encode(entry)) == entry
    assert entry.size > len(entry.body)


OPENAI = (
    b'data: {"model":"up","choices":[{"index":0,"delta":{"content":"h\xc3\xa9"},"finish_reason":null}]}\n\n'
    b": a comment\n\n"
    b'data: {"model":"up","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}\n\n'
    b'data: {"model":"up","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
    b"data: [DONE]\n\n"
)
ANTHROPIC = (
    b'event: message_start\ndata: {"type":"message_start","message":{"model":"up","usage":{"input_tokens":1}}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


@pytest.mark.parametrize(("kind", "stream"), [(StreamTap, OPENAI), (MessagesTap, ANTHROPIC)])
def test_what_is_kept_is_what_was_sent_wherever_it_was_cut(kind: Any, stream: bytes) -> None:
    for first in range(1, len(stream)):
        recorder = Recorder(kind("gpt", True, 1 << 20, None), 1 << 20)
        sent = recorder.feed(stream[:first]) + recorder.feed(stream[first:])
        assert recorder.done
        assert recorder.error is None
        assert recorder.complete
        assert recorder.heard() == sent + recorder.tail
        assert recorder.usage is not None
        assert recorder.events
        assert recorder.produced() >= 0
        assert recorder.octets > 0


@given(st.lists(st.integers(1, 60), max_size=12), st.integers(0, 1000))
def test_bounded(cuts: list[int], limit: int) -> None:
    recorder = Recorder(StreamTap("gpt", False, 1 << 20, None), limit)
    sent, rest = b"", OPENAI
    for size in [*cuts, len(OPENAI)]:
        sent += recorder.feed(rest[:size])
        rest = rest[size:]
    recorder.finish()
    whole = sent + recorder.tail
    assert recorder.heard() == (whole if len(whole) <= limit else None)


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_sound(ends: bytes) -> None:
    for stream in (OPENAI, ANTHROPIC):
        assert is_sound(stream.replace(b"\n", ends))
        for broken in (
            stream.replace(b'"up"', b'"up', 1),
            stream.replace(b'{"', b'["', 1),
            stream[:-5],
            stream + b"data: {",
        ):
            assert not is_sound(broken.replace(b"\n", ends))
