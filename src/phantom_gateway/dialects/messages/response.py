"""Whole answers of Anthropic's messages: into the neutral form and from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.messages.parts import read_parts, write_part
from phantom_gateway.dialects.neutral import Answer, Stop, Tokens, ToolCall, Untranslatable

_STOPS = {
    "end_turn": Stop.END,
    "max_tokens": Stop.LENGTH,
    "model_context_window_exceeded": Stop.LENGTH,
    "tool_use": Stop.TOOL,
    "stop_sequence": Stop.SEQUENCE,
    "refusal": Stop.FILTER,
    "pause_turn": Stop.PAUSE,
}
REASONS = {
    Stop.END: "end_turn",
    Stop.LENGTH: "max_tokens",
    Stop.TOOL: "tool_use",
    Stop.SEQUENCE: "stop_sequence",
    Stop.FILTER: "refusal",
    Stop.PAUSE: "pause_turn",
}
"""Why an answer ended, in Anthropic's words."""


def read_stop(reason: Any) -> Stop:
    """The reason in the neutral form."""
    return _STOPS.get(reason, Stop.END) if isinstance(reason, str) else Stop.END


def read_tokens(usage: Any) -> Tokens | None:
    """A usage object, as far as it is one."""
    if not isinstance(usage, dict):
        return None
    stored = read.count(usage.get("cache_creation_input_tokens"))
    lifetimes = usage.get("cache_creation")
    long = read.count(lifetimes.get("ephemeral_1h_input_tokens")) if isinstance(lifetimes, dict) else 0
    details = usage.get("output_tokens_details")
    thought = details.get("thinking_tokens") if isinstance(details, dict) else None
    return Tokens(
        input=read.count(usage.get("input_tokens")),
        cache_read=read.count(usage.get("cache_read_input_tokens")),
        cache_write_5m=max(stored - long, 0),
        cache_write_1h=min(long, stored),
        output=read.count(usage.get("output_tokens")),
        reasoning=None if thought is None else read.count(thought),
    )


def write_tokens(tokens: Tokens | None) -> dict[str, Any]:
    """Anthropic's usage object; every field that clients read is there, also when nothing is known."""
    known = tokens or Tokens()
    usage: dict[str, Any] = {
        "input_tokens": known.input,
        "cache_creation_input_tokens": known.cache_write_5m + known.cache_write_1h,
        "cache_read_input_tokens": known.cache_read,
        "output_tokens": known.output,
    }
    if known.cache_write_1h:
        usage["cache_creation"] = {
            "ephemeral_5m_input_tokens": known.cache_write_5m,
            "ephemeral_1h_input_tokens": known.cache_write_1h,
        }
    if known.reasoning is not None:
        usage["output_tokens_details"] = {"thinking_tokens": known.reasoning}
    return usage


def read_answer(body: bytes) -> Answer:
    """An answer. Raises Untranslatable."""
    answer = read.table(read.decode(body), "answer")
    return Answer(
        id=str(answer.get("id") or ""),
        parts=read_parts(read.items(answer.get("content"), "content"), "content"),
        stop=read_stop(answer.get("stop_reason")),
        sequence=read.optional_text(answer.get("stop_sequence"), "stop_sequence") or None,
        tokens=read_tokens(answer.get("usage")),
    )


def write_answer(answer: Answer, model: str, _created: int, renamed: Mapping[str, str]) -> bytes:
    """A message. ``model``: the public name; ``renamed``: tools and what the caller calls them. Raises Untranslatable."""
    content = []
    for part in answer.parts:
        block = _call(part, renamed) if isinstance(part, ToolCall) else write_part(part)
        if block is not None:
            content.append(block)
    return read.encode(
        {
            "id": message_id(answer.id),
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": content,
            "stop_reason": REASONS[answer.stop],
            "stop_sequence": answer.sequence,
            "usage": write_tokens(answer.tokens),
        }
    )


def _call(part: ToolCall, renamed: Mapping[str, str]) -> dict[str, Any]:
    """A call. Arguments that are no JSON object (the model was cut off, or erred) are given as they came, under ``_unparsed``:
    no tool takes that for good, and nothing is lost.
    """
    try:
        arguments: Any = read.arguments(part.arguments, "arguments")
    except Untranslatable:
        arguments = {"_unparsed": part.arguments}
    return {"type": "tool_use", "id": part.id, "name": renamed.get(part.name, part.name), "input": arguments}


def message_id(answer_id: str) -> str:
    """An id as Anthropic's begin."""
    return answer_id if answer_id.startswith("msg_") else f"msg_{answer_id.removeprefix('chatcmpl-')}"
