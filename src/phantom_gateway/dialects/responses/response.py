"""Whole answers of the Responses API: into the neutral form and from it."""

from __future__ import annotations

import re
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
from phantom_gateway.dialects.responses.parts import DIALECT, kept_of, thought
from phantom_gateway.dialects.responses.request import INPUT

_ODD = re.compile("[^A-Za-z0-9_-]")
_REASONS = {Stop.LENGTH: "max_output_tokens", Stop.FILTER: "content_filter"}
"""Why an answer is incomplete; every other end is a complete one."""


def read_tokens(usage: Any) -> Tokens | None:
    """A usage object, as far as it is one."""
    if not isinstance(usage, dict):
        return None
    details = usage.get("input_tokens_details")
    details = details if isinstance(details, dict) else {}
    further = usage.get("output_tokens_details")
    reasoning = further.get("reasoning_tokens") if isinstance(further, dict) else None
    cached, stored = read.count(details.get("cached_tokens")), read.count(details.get("cache_write_tokens"))
    return Tokens(
        input=max(read.count(usage.get("input_tokens")) - cached - stored, 0),
        cache_read=cached,
        cache_write_5m=stored,
        output=read.count(usage.get("output_tokens")),
        reasoning=None if reasoning is None else read.count(reasoning),
    )


def write_tokens(tokens: Tokens) -> dict[str, Any]:
    """The usage object; every field that SDKs know is there."""
    stored = tokens.cache_write_5m + tokens.cache_write_1h
    given = tokens.input + tokens.cache_read + stored
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": tokens.cache_read, "cache_write_tokens": stored},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning or 0},
        "total_tokens": given + tokens.output,
    }


def read_stop(response: Mapping[str, Any], *, called: bool) -> Stop:
    """Why an answer ended."""
    details = response.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if reason == "content_filter":
        return Stop.FILTER
    if reason is not None or response.get("status") == "incomplete":
        return Stop.LENGTH
    return Stop.TOOL if called else Stop.END


def read_answer(body: bytes) -> Answer:
    """An answer. Raises Untranslatable."""
    answer = read.table(read.decode(body), "answer")
    if answer.get("status") in ("failed", "cancelled", "queued"):
        raise Untranslatable("The answer was not given.", "status")
    parts = [
        part
        for index, value in enumerate(read.items(answer.get("output"), "output"))
        for part in _read_item(read.table(value, f"output[{index}]"), f"output[{index}]")
    ]
    return Answer(
        id=str(answer.get("id") or ""),
        parts=parts,
        stop=read_stop(answer, called=any(isinstance(part, ToolCall) for part in parts)),
        tokens=read_tokens(answer.get("usage")),
    )


def _read_item(item: dict[str, Any], where: str) -> list[Part]:
    kind = item.get("type")
    if kind == "message":
        said = [read.table(each, f"{where}.content") for each in read.items(item.get("content"), f"{where}.content")]
        return [Text(_spoken(each, where)) for each in said if each.get("type") in ("output_text", "refusal")]
    if kind == "reasoning":
        kept = read.optional_text(item.get("encrypted_content"), f"{where}.encrypted_content")
        return [Thinking(thought(item, where), kept)]
    if kind == "function_call":
        return [called(item, where)]
    return [Opaque(DIALECT, item)]


def _spoken(part: dict[str, Any], where: str) -> str:
    return read.text(part.get("refusal" if part["type"] == "refusal" else "text"), f"{where}.content.text")


def called(item: dict[str, Any], where: str) -> ToolCall:
    """The call in an item of type ``function_call``. Raises Untranslatable."""
    return ToolCall(
        id=read.text(item.get("call_id"), f"{where}.call_id"),
        name=read.text(item.get("name"), f"{where}.name"),
        arguments=read.optional_text(item.get("arguments"), f"{where}.arguments"),
    )


# --- for a caller


class Shape:
    """What the answers to one request say of the request, and how its tools are called."""

    def __init__(self, asked: Mapping[str, Any] | None = None) -> None:
        asked = asked or {}
        tools = asked.get("tools")
        tools = tools if isinstance(tools, list) else []
        self.customs = frozenset(
            str(tool.get("name")) for tool in tools if isinstance(tool, dict) and tool.get("type") == "custom"
        )
        """Tools that take a plain text."""
        text = asked.get("text")
        text = text if isinstance(text, dict) else {}
        self._echo: dict[str, Any] = {
            "instructions": asked.get("instructions"),
            "max_output_tokens": asked.get("max_output_tokens"),
            "max_tool_calls": asked.get("max_tool_calls"),
            "metadata": asked.get("metadata") or {},
            "parallel_tool_calls": asked.get("parallel_tool_calls") is not False,
            "previous_response_id": None,
            "reasoning": {"effort": None, "summary": None} | _table(asked.get("reasoning")),
            "store": False,
            "temperature": 1.0 if asked.get("temperature") is None else asked["temperature"],
            "text": {"format": {"type": "text"}} | text,
            "tool_choice": asked.get("tool_choice") or "auto",
            "tools": tools,
            "top_logprobs": 0,
            "top_p": 1.0 if asked.get("top_p") is None else asked["top_p"],
            "truncation": "disabled",
            "user": asked.get("user"),
        }

    def response(self, base: dict[str, Any], output: list[dict[str, Any]], stop: Stop | None) -> dict[str, Any]:
        """The response object; ``base`` has id, model and time. ``stop`` None: it is under way."""
        reason = None if stop is None else _REASONS.get(stop)
        status = "in_progress" if stop is None else "completed" if reason is None else "incomplete"
        return {
            **base,
            "object": "response",
            "status": status,
            "background": False,
            "error": None,
            "incomplete_details": None if reason is None else {"reason": reason},
            "output": output,
            **self._echo,
            "usage": None,
        }


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def response_id(answer_id: str) -> str:
    """An id as OpenAI's begin, made of the one of another API."""
    return "resp_" + (suffix(answer_id) or "0")


def suffix(answer_id: str) -> str:
    """What tells the items of an answer from those of others."""
    for prefix in ("resp_", "chatcmpl-", "msg_"):
        answer_id = answer_id.removeprefix(prefix)
    return _ODD.sub("_", answer_id)[:64]


def write_answer(
    answer: Answer, model: str, created: int, renamed: Mapping[str, str], shape: Shape | None = None
) -> bytes:
    """A response. ``model``: the public name; ``created``: Unix seconds; ``renamed``: tools and their names here."""
    shape = shape or Shape()
    mark = suffix(answer.id)
    output: list[dict[str, Any]] = []
    for part in answer.parts:
        if isinstance(part, Text) and output and output[-1]["type"] == "message":
            output[-1]["content"].append(text_part(part.text, part.citations))
        elif (item := _item(part, f"{mark}_{len(output)}", shape, renamed)) is not None:
            output.append(item)
    base = {"id": response_id(answer.id), "created_at": created, "model": model}
    written = shape.response(base, output, answer.stop)
    if answer.stop in _REASONS and output:
        output[-1]["status"] = "incomplete"
    if answer.tokens is not None:
        written["usage"] = write_tokens(answer.tokens)
    return read.encode(written)


def _item(part: Part, mark: str, shape: Shape, renamed: Mapping[str, str]) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return message_item(mark, [text_part(part.text, part.citations)], "completed")
    if isinstance(part, Thinking | Redacted):
        return reasoning_item(mark, part, "completed")
    if isinstance(part, ToolCall):
        name = renamed.get(part.name, part.name)
        return call_item(mark, ToolCall(part.id, name, part.arguments), "completed", custom=name in shape.customs)
    return image_item(mark, part) if isinstance(part, Image) and part.data else None


def text_part(text: str, citations: list[Any] | None = None) -> dict[str, Any]:
    """A text that was said. Of citations those of pages on the web have a form here."""
    cited = [
        {
            "type": "url_citation",
            "url": str(each["url"]),
            "title": str(each.get("title") or ""),
            "start_index": 0,
            "end_index": len(text),
        }
        for each in citations or ()
        if isinstance(each, dict) and each.get("url")
    ]
    return {"type": "output_text", "text": text, "annotations": cited, "logprobs": []}


def message_item(mark: str, content: list[dict[str, Any]], status: str) -> dict[str, Any]:
    """What the model says."""
    return {"id": f"msg_{mark}", "type": "message", "status": status, "role": "assistant", "content": content}


def reasoning_item(mark: str, part: Thinking | Redacted, status: str) -> dict[str, Any]:
    """What the model thinks, with what has to be given back."""
    text = part.text if isinstance(part, Thinking) else ""
    item: dict[str, Any] = {
        "id": f"rs_{mark}",
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": text}] if text else [],
    }
    if (kept := kept_of(part)) is not None:
        item["encrypted_content"] = kept
    return item | ({"status": status} if status != "completed" else {})


def image_item(mark: str, part: Image) -> dict[str, Any]:
    """A picture that the model made."""
    return {"id": f"ig_{mark}", "type": "image_generation_call", "status": "completed", "result": part.data}


def call_item(mark: str, call: ToolCall, status: str, *, custom: bool) -> dict[str, Any]:
    """What the model calls."""
    named = {"status": status, "call_id": call.id, "name": call.name}
    if custom:
        return {"id": f"ctc_{mark}", "type": "custom_tool_call", **named, "input": custom_input(call.arguments)}
    return {"id": f"fc_{mark}", "type": "function_call", **named, "arguments": call.arguments or "{}"}


def custom_input(arguments: str) -> str:
    """The text for a custom tool, which a model without such tools wraps into an argument; what is not wrapped goes as it is."""
    if not arguments.strip():
        return ""
    try:
        found = read.decode(arguments.encode("utf-8", "replace"))
    except Untranslatable:
        return arguments
    wrapped = found.get(INPUT) if isinstance(found, dict) else None
    return wrapped if isinstance(wrapped, str) else arguments
