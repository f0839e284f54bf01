"""Answers in Anthropic's shapes (API reference, read November 2026): messages whole and streamed, with tools, thinking and JSON.

What the real one refuses is refused here, too, where a gateway is likely to get it wrong: no ``max_tokens``, roles and results of
tools out of place, thinking that comes back with a signature that is not ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec

from phantom_gateway.simulator.answers import ABSURD, Answer, Event
from phantom_gateway.simulator.reading import (
    TOKENS_PER_MESSAGE,
    Ask,
    BadRequestError,
    max_tokens_of,
    messages_of,
    text_of,
)
from phantom_gateway.simulator.script import Bill
from phantom_gateway.simulator.speech import Speech, Tool, chat_speech

SIGNATURE = "phantom-simulator-"
THOUGHT = ("Let", " me", " think", " about", " this.")
_KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 413: "request_too_large", 429: "rate_limit_error", 529: "overloaded_error",
}  # fmt: skip
_STOPS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def error(status: int, message: str, request_id: str = "req_simulated") -> bytes:
    """An error body."""
    kind = _KINDS.get(status, "invalid_request_error" if status < 500 else "api_error")
    return msgspec.json.encode({"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id})


def messages(ask: Ask) -> Answer:
    """The answer to ``/v1/messages``. Raises BadRequestError."""
    limit = max_tokens_of(ask.body)
    if limit is None:
        raise BadRequestError("max_tokens: Field required", "max_tokens")
    turns = _checked(messages_of(ask.body))
    thought = THOUGHT if _thinks(ask.body) else ()
    speech = chat_speech(replace(ask, body=_as_chat(ask.body, turns)), max(limit - len(thought), 1))
    bill = _bill(ask, turns, speech.tokens + len(thought))
    if ask.stream:
        return Answer(events=tuple(_events(ask, thought, speech, bill)), bill=bill, anthropic=True)
    shown = _message(ask, _usage(ask, bill)) | {
        "content": _blocks(ask, thought, speech),
        "stop_reason": _STOPS[speech.finish],
    }
    return Answer(body=msgspec.json.encode(shown), bill=bill, anthropic=True)


def count_tokens(ask: Ask) -> Answer:
    """The answer to ``/v1/messages/count_tokens``. Raises BadRequestError."""
    counted = _prompt(ask.body, _checked(messages_of(ask.body)))
    return Answer(body=msgspec.json.encode({"input_tokens": counted}), anthropic=True)


def _checked(turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
    called: set[str] = set()
    for turn in turns:
        if turn.get("role") not in ("user", "assistant", "system"):
            raise BadRequestError(
                'messages: Unexpected role. Allowed are "user", "assistant" and "system".', "messages"
            )
        blocks = [block for block in _list(turn.get("content")) if isinstance(block, dict)]
        for block in blocks:
            signature = block.get("signature")
            if block.get("type") == "thinking" and not str(signature).startswith(SIGNATURE):
                raise BadRequestError("messages: Invalid `signature` in `thinking` block", "messages")
            if block.get("type") == "tool_result" and block.get("tool_use_id") not in called:
                raise BadRequestError("messages: unexpected `tool_use_id` found in `tool_result` blocks", "messages")
            if block.get("type") == "tool_use" and not isinstance(block.get("input"), dict):
                raise BadRequestError("messages: tool_use.input: Input should be a valid dictionary", "messages")
        if turn.get("role") != "system":
            called = {str(block.get("id")) for block in blocks if block.get("type") == "tool_use"}
    return turns


def _list(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []


def _thinks(body: dict[str, Any]) -> bool:
    thinking = body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") in ("enabled", "adaptive")


def _as_chat(body: dict[str, Any], turns: list[dict[str, Any]]) -> dict[str, Any]:
    """As much of the request as decides about the answer, in the words that ``speech`` reads."""
    tools = [
        {"type": "function", "function": {"name": tool.get("name"), "parameters": tool.get("input_schema")}}
        for tool in _list(body.get("tools"))
        if isinstance(tool, dict) and tool.get("type") in (None, "custom")
    ]
    last = dict(next((turn for turn in reversed(turns) if turn.get("role") != "system"), turns[-1]))
    texts = [block for block in _list(last.get("content")) if isinstance(block, dict) and block.get("type") == "text"]
    if any(isinstance(block, dict) and block.get("type") == "tool_result" for block in _list(last.get("content"))):
        last["role"] = "tool"
    elif texts:
        # agents put what they have to say themselves before what was typed
        last["content"] = str(texts[-1].get("text"))
    chat: dict[str, Any] = {"messages": [*turns, last], "tools": tools}
    choice = body.get("tool_choice")
    if isinstance(choice, dict):
        named = {"type": "function", "function": {"name": choice.get("name")}}
        chat["tool_choice"] = {"any": "required", "tool": named, "none": "none"}.get(str(choice.get("type")), "auto")
    output = body.get("output_config")
    wanted = output.get("format") if isinstance(output, dict) else None
    if isinstance(wanted, dict) and wanted.get("type") == "json_schema":
        chat["response_format"] = {"type": "json_schema", "json_schema": {"schema": wanted.get("schema")}}
    return chat


def _prompt(body: dict[str, Any], turns: list[dict[str, Any]]) -> int:
    words = len(text_of(body.get("system")).split())
    for turn in turns:
        words += len(text_of(turn.get("content")).split()) + TOKENS_PER_MESSAGE
        for block in _list(turn.get("content")):
            if isinstance(block, dict) and block.get("type") == "tool_result":
                words += len(text_of(block.get("content")).split())
    return words


def _bill(ask: Ask, turns: list[dict[str, Any]], completed: int) -> Bill:
    controls = ask.controls
    prompt = _prompt(ask.body, turns) if controls.prompt_tokens is None else controls.prompt_tokens
    return Bill(
        prompt=prompt,
        completion=completed if controls.completion_tokens is None else controls.completion_tokens,
        cached=controls.cached_tokens or 0,
        reasoning=controls.reasoning_tokens or 0,
        written=controls.written_tokens or 0,
        written_1h=controls.written_1h_tokens or 0,
    )


def _usage(ask: Ask, bill: Bill) -> dict[str, Any] | None:
    """The usage object, as honest as the control ``usage`` wants it; None for ``off``."""
    style = ask.controls.usage
    if style == "off":
        return None
    written = bill.written + bill.written_1h
    prompt, completed = max(bill.prompt - bill.cached - written, 0), bill.completion
    if style == "negative":
        prompt, completed = -prompt - 1, -completed - 1
    elif style == "absurd":
        prompt = completed = ABSURD
    usage: dict[str, Any] = {
        "input_tokens": prompt,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": bill.cached,
        "cache_creation": {
            "ephemeral_5m_input_tokens": bill.written,
            "ephemeral_1h_input_tokens": bill.written_1h,
        },
        "output_tokens": completed,
        "service_tier": "standard",
    }
    if ask.controls.reasoning_tokens is not None:
        usage["output_tokens_details"] = {"thinking_tokens": bill.reasoning}
    return usage


def _message(ask: Ask, usage: dict[str, Any] | None) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "id": "msg_" + ask.digest,
        "type": "message",
        "role": "assistant",
        "model": ask.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
    }
    return shown if usage is None else shown | {"usage": usage}


def _blocks(ask: Ask, thought: tuple[str, ...], speech: Speech) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if thought:
        blocks.append({"type": "thinking", "thinking": "".join(thought), "signature": SIGNATURE + ask.digest})
    for part in speech.parts:
        if part.tool is None:
            blocks.append({"type": "text", "text": part.text})
            continue
        try:
            called = msgspec.json.decode(part.text)
        except msgspec.DecodeError:
            called = {}
        blocks.append(_called(part.tool, called))
    return blocks


def _called(tool: Tool, arguments: Any) -> dict[str, Any]:
    return {
        "type": "tool_use",
        "id": tool.call_id.replace("call_", "toolu_"),
        "name": tool.name,
        "input": arguments,
    }


def _events(ask: Ask, thought: tuple[str, ...], speech: Speech, bill: Bill) -> Iterator[Event]:
    begun = _usage(ask, replace(bill, completion=min(bill.completion, 1)))
    yield _event("message_start", {"message": _message(ask, begun)})
    yield _event("ping", {})
    index = 0
    if thought:
        yield _start(index, {"type": "thinking", "thinking": "", "signature": ""})
        for chunk in thought:
            yield _delta(index, {"type": "thinking_delta", "thinking": chunk}, content=True)
        yield _delta(index, {"type": "signature_delta", "signature": SIGNATURE + ask.digest})
        yield _event("content_block_stop", {"index": index})
        index += 1
    for at, part in enumerate(speech.parts, index):
        kind, field = ("text_delta", "text") if part.tool is None else ("input_json_delta", "partial_json")
        yield _start(at, {"type": "text", "text": ""} if part.tool is None else _called(part.tool, {}))
        for chunk in part.chunks:
            yield _delta(at, {"type": kind, field: chunk}, content=True)
        yield _event("content_block_stop", {"index": at})
    closing: dict[str, Any] = {"delta": {"stop_reason": _STOPS[speech.finish], "stop_sequence": None}}
    usage = _usage(ask, bill)
    if usage is not None:
        counts = {name: value for name, value in usage.items() if name.endswith(("_tokens", "_details"))}
        closing["usage"] = counts
    yield _event("message_delta", closing)
    yield _event("message_stop", {})


def _start(index: int, block: dict[str, Any]) -> Event:
    return _event("content_block_start", {"index": index, "content_block": block})


def _delta(index: int, delta: dict[str, Any], *, content: bool = False) -> Event:
    return _event("content_block_delta", {"index": index, "delta": delta}, content=content)


def _event(name: str, fields: dict[str, Any], *, content: bool = False) -> Event:
    return Event(msgspec.json.encode({"type": name} | fields), content, name)
