"""Whole chat completions: into the neutral form and from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.neutral import (
    Answer,
    Image,
    Opaque,
    Part,
    Redacted,
    Stop,
    Text,
    Thinking,
    Tokens,
    ToolCall,
    Untranslatable,
)

_STOPS = {
    "stop": Stop.END,
    "length": Stop.LENGTH,
    "tool_calls": Stop.TOOL,
    "function_call": Stop.TOOL,
    "content_filter": Stop.FILTER,
}
REASONS = {Stop.LENGTH: "length", Stop.TOOL: "tool_calls", Stop.FILTER: "content_filter"}
"""Why an answer ended, in OpenAI's words; everything else is ``stop``."""


def read_stop(reason: Any, *, called: bool) -> Stop:
    """The reason in the neutral form; some servers say ``stop`` behind a tool call."""
    stop = _STOPS.get(reason, Stop.END) if isinstance(reason, str) else Stop.END
    return Stop.TOOL if called and stop is Stop.END else stop


def read_tokens(usage: Any) -> Tokens | None:
    """A usage object, as far as it is one."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("prompt_tokens_details")
    details = details if isinstance(details, dict) else {}
    further = usage.get("completion_tokens_details")
    reasoning = further.get("reasoning_tokens") if isinstance(further, dict) else None
    cached = read.count(details.get("cached_tokens")) or read.count(usage.get("prompt_cache_hit_tokens"))
    stored = read.count(details.get("cache_creation_tokens")) or read.count(details.get("cache_write_tokens"))
    return Tokens(
        input=max(read.count(usage.get("prompt_tokens")) - cached - stored, 0),
        cache_read=cached,
        cache_write_5m=stored,
        output=read.count(usage.get("completion_tokens")),
        reasoning=None if reasoning is None else read.count(reasoning),
    )


def write_tokens(tokens: Tokens) -> dict[str, Any]:
    """OpenAI's usage object, with LiteLLM's fields for cache writes."""
    stored = tokens.cache_write_5m + tokens.cache_write_1h
    prompt = tokens.input + tokens.cache_read + stored
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": tokens.output,
        "total_tokens": prompt + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "cache_creation_tokens": stored},
    }
    if tokens.reasoning is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": tokens.reasoning}
    if stored or tokens.cache_read:
        usage["cache_creation_input_tokens"] = stored
        usage["cache_read_input_tokens"] = tokens.cache_read
    return usage


def read_answer(body: bytes) -> Answer:
    """The first choice of an answer. Raises Untranslatable."""
    answer = read.table(read.decode(body), "answer")
    choices = read.items(answer.get("choices"), "choices")
    if not choices:
        raise Untranslatable("The answer has no choice.", "choices")
    answer_id = str(answer.get("id") or "")
    found, *others = [_choice(value, index, answer_id) for index, value in enumerate(choices)]
    found.tokens, found.others = read_tokens(answer.get("usage")), others
    return found


def _choice(value: Any, index: int, answer_id: str) -> Answer:
    choice = read.table(value, f"choices[{index}]")
    message = read.table(choice.get("message"), f"choices[{index}].message")
    parts = _parts(message, f"{answer_id}_{index}" if index else answer_id)
    called = any(isinstance(part, ToolCall) for part in parts)
    return Answer(answer_id, parts, read_stop(choice.get("finish_reason"), called=called))


def _parts(message: dict[str, Any], answer_id: str) -> list[Part]:
    parts: list[Part] = []
    for name in ("reasoning_content", "reasoning"):
        reasoning = message.get(name)
        if isinstance(reasoning, str) and reasoning:
            parts.append(Thinking(reasoning))
            break
    content = message.get("content")
    if isinstance(content, list):
        texts = [each.get("text") for each in content if isinstance(each, dict)]
        content = "".join(each for each in texts if isinstance(each, str))
    parts += [Text(said) for said in (content, message.get("refusal")) if isinstance(said, str) and said]
    for index, value in enumerate(read.items(message.get("tool_calls") or [], "tool_calls")):
        call = read.table(value, "tool_calls")
        function = read.table(call.get("function"), "tool_calls.function")
        parts.append(
            ToolCall(
                id=read.optional_text(call.get("id"), "tool_calls.id") or f"call_{answer_id}_{index}",
                name=read.text(function.get("name"), "tool_calls.function.name"),
                arguments=read.optional_text(function.get("arguments"), "tool_calls.function.arguments"),
            )
        )
    return parts


def write_answer(answer: Answer, model: str, created: int, renamed: Mapping[str, str]) -> bytes:
    """A chat completion. ``model``: the public name; ``created``: Unix seconds; ``renamed``: tools and their names here."""
    choices = [
        {
            "index": index,
            "message": _message(each.parts, renamed),
            "logprobs": None if each.logprobs is None else {"content": each.logprobs, "refusal": None},
            "finish_reason": REASONS.get(each.stop, "stop"),
        }
        for index, each in enumerate((answer, *answer.others))
    ]
    written: dict[str, Any] = {
        "id": answer.id,
        "object": "chat.completion",
        "created": created,
        "model": model,
        "choices": choices,
    }
    if answer.tokens is not None:
        written["usage"] = write_tokens(answer.tokens)
    return read.encode(written)


def _message(parts: list[Part], renamed: Mapping[str, str]) -> dict[str, Any]:
    texts = [part for part in parts if isinstance(part, Text)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    thoughts = [part for part in parts if isinstance(part, Thinking | Redacted)]
    content = "".join(part.text for part in texts)
    message: dict[str, Any] = {"role": "assistant", "content": content or (None if calls else ""), "refusal": None}
    if calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": renamed.get(call.name, call.name), "arguments": call.arguments or "{}"},
            }
            for call in calls
        ]
    if thoughts:
        message["reasoning_content"] = "".join(part.text for part in thoughts if isinstance(part, Thinking))
        message["thinking_blocks"] = [thinking_block(part) for part in thoughts]
    if images := [part for part in parts if isinstance(part, Image)]:
        message["images"] = [shown_image(part, index) for index, part in enumerate(images)]
    further: dict[str, Any] = {}
    if cited := [part.citations for part in texts if part.citations]:
        further["citations"] = cited
    if foreign := [part.value for part in parts if isinstance(part, Opaque)]:
        further["content_blocks"] = foreign
    if further:
        message["provider_specific_fields"] = further
    return message


def shown_image(part: Image, index: int) -> dict[str, Any]:
    """An image that the model made, where LiteLLM has it."""
    url = part.url or f"data:{part.media_type};base64,{part.data}"
    return {"type": "image_url", "index": index, "image_url": {"url": url}}


def thinking_block(part: Thinking | Redacted) -> dict[str, Any]:
    """Thinking with its signature, as LiteLLM's ``thinking_blocks`` have it: given back, it is taken back."""
    if isinstance(part, Redacted):
        return {"type": "redacted_thinking", "data": part.data}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}
