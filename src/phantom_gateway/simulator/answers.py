"""Answers in OpenAI's shapes, as JSON bytes: whole, or as the events of a stream."""

from __future__ import annotations

import base64
import hashlib
import itertools
import math
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.simulator.reading import (
    Ask,
    BadRequestError,
    choices_of,
    count_messages,
    max_tokens_of,
    messages_of,
    prompts_of,
)
from phantom_gateway.simulator.script import FREE, Bill
from phantom_gateway.simulator.speech import Speech, Tool, chat_speech, text_speech

if TYPE_CHECKING:
    from collections.abc import Iterator

CREATED = 1_767_225_600
"""2026-01-01: the answers are deterministic, so their time is too."""
DIMENSIONS = 64
MAX_DIMENSIONS = 8192
ABSURD = (1 << 53) + 1
FINGERPRINT = "fp_phantom_simulator"


@dataclass(frozen=True, slots=True)
class Event:
    """The JSON of one stream event. ``content`` events carry exactly one token; ``name`` stands in the ``event:`` line."""

    data: bytes
    content: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer: ``body`` when not streamed, else ``events``; and what it costs."""

    body: bytes = b""
    events: tuple[Event, ...] = ()
    bill: Bill = FREE
    anthropic: bool = False
    """In Anthropic's shapes, errors included; else in OpenAI's."""
    gemini: bool = False
    """In Google's."""
    responses: bool = False
    """In those of OpenAI's Responses API."""
    kind: bytes = b""
    """The content type of ``body``, where it is not JSON."""
    ends_itself: bool = False
    """The last event says that it is the last: no ``[DONE]`` follows."""

    @property
    def marked(self) -> bool:
        """Whether ``[DONE]`` ends its stream; else the last event says the end."""
        return not (self.anthropic or self.gemini or self.responses or self.ends_itself)


def chat(ask: Ask) -> Answer:
    """The answer to ``/v1/chat/completions``. Raises BadRequestError."""
    speeches = [chat_speech(ask, max_tokens_of(ask.body))] * choices_of(ask.body)
    bill = _bill(ask, count_messages(messages_of(ask.body)), speeches)
    if ask.stream:
        return Answer(events=tuple(_events(ask, speeches, bill, _Chat(ask))), bill=bill)
    choices = [
        {"index": i, "message": _message(speech), "logprobs": None, "finish_reason": speech.finish}
        for i, speech in enumerate(speeches)
    ]
    return Answer(body=_whole(ask, "chatcmpl-", "chat.completion", choices, bill), bill=bill)


def completion(ask: Ask) -> Answer:
    """The answer to ``/v1/completions``. Raises BadRequestError."""
    prompts = prompts_of(ask.body.get("prompt"), "prompt")
    limit = max_tokens_of(ask.body)
    speeches = [text_speech(ask, p, limit) for p in prompts for _ in range(choices_of(ask.body))]
    bill = _bill(ask, sum(len(prompt.split()) for prompt in prompts), speeches)
    if ask.stream:
        return Answer(events=tuple(_events(ask, speeches, bill, _Text(ask))), bill=bill)
    choices = [
        {"index": i, "text": speech.text, "logprobs": None, "finish_reason": speech.finish}
        for i, speech in enumerate(speeches)
    ]
    return Answer(body=_whole(ask, "cmpl-", "text_completion", choices, bill), bill=bill)


def embeddings(ask: Ask) -> Answer:
    """The answer to ``/v1/embeddings``: unit vectors that depend on the text alone. Raises BadRequestError."""
    texts = prompts_of(ask.body.get("input"), "input")
    dimensions = ask.body.get("dimensions", DIMENSIONS)
    if not isinstance(dimensions, int) or not 1 <= dimensions <= MAX_DIMENSIONS:
        raise BadRequestError(f"Invalid 'dimensions': expected an integer from 1 to {MAX_DIMENSIONS}.", "dimensions")
    packed = ask.body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": i, "embedding": _vector(text, dimensions, packed=packed)}
        for i, text in enumerate(texts)
    ]
    bill = _bill(ask, sum(len(text.split()) for text in texts), [])
    shown: dict[str, Any] = {"object": "list", "data": data, "model": ask.model}
    usage = usage_of(ask, bill)
    if usage is not None:
        shown["usage"] = {"prompt_tokens": usage["prompt_tokens"], "total_tokens": usage["prompt_tokens"]}
    return Answer(body=msgspec.json.encode(shown), bill=bill)


def models() -> bytes:
    """The body of ``GET /v1/models``."""
    entry = {"id": "demo", "object": "model", "created": CREATED, "owned_by": "phantom-simulator"}
    return msgspec.json.encode({"object": "list", "data": [entry]})


def error(status: int, message: str, param: str | None = None, code: str | None = None) -> bytes:
    """An error body in OpenAI's shape."""
    kinds = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 529: "overloaded_error"}
    kind = kinds.get(status, "invalid_request_error" if status < 500 else "server_error")
    return msgspec.json.encode({"error": {"message": message, "type": kind, "param": param, "code": code}})


def usage_of(ask: Ask, bill: Bill) -> dict[str, Any] | None:
    """The usage object, as honest as the control ``usage`` wants it; None for ``off``."""
    style = ask.controls.usage
    if style == "off":
        return None
    prompt, completed = bill.prompt, bill.completion
    if style == "negative":
        prompt, completed = -prompt - 1, -completed - 1
    elif style == "absurd":
        prompt = completed = ABSURD
    usage: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completed,
        "total_tokens": prompt + completed,
    }
    if ask.controls.cached_tokens is not None:
        usage["prompt_tokens_details"] = {"cached_tokens": bill.cached, "audio_tokens": 0}
    if ask.controls.reasoning_tokens is not None:
        usage["completion_tokens_details"] = {"reasoning_tokens": bill.reasoning, "audio_tokens": 0}
    return usage


def _bill(ask: Ask, prompt: int, speeches: list[Speech]) -> Bill:
    controls = ask.controls
    reasoning = controls.reasoning_tokens or 0
    completed = sum(speech.tokens for speech in speeches) + reasoning
    return Bill(
        prompt=prompt if controls.prompt_tokens is None else controls.prompt_tokens,
        completion=completed if controls.completion_tokens is None else controls.completion_tokens,
        cached=controls.cached_tokens or 0,
        reasoning=reasoning,
    )


def _whole(ask: Ask, prefix: str, kind: str, choices: list[dict[str, Any]], bill: Bill) -> bytes:
    shown: dict[str, Any] = {"id": prefix + ask.digest, "object": kind, "created": CREATED, "model": ask.model}
    shown["choices"] = choices
    usage = usage_of(ask, bill)
    if usage is not None:
        shown["usage"] = usage
    shown["system_fingerprint"] = FINGERPRINT
    return msgspec.json.encode(shown)


def _message(speech: Speech) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": speech.text, "refusal": None}
    if speech.tool is not None:
        message["content"] = None
        message["tool_calls"] = [
            {"id": part.tool.call_id, "type": "function", "function": {"name": part.tool.name, "arguments": part.text}}
            for part in speech.parts
            if part.tool is not None
        ]
    return message


class _Chat:
    """How the choices of a chat stream look."""

    prefix, kind = "chatcmpl-", "chat.completion.chunk"

    def __init__(self, ask: Ask) -> None:
        self.ask = ask

    def opening(self, speech: Speech) -> dict[str, Any] | None:
        delta: dict[str, Any] = {"role": "assistant", "content": "", "refusal": None}
        if speech.tool is not None:
            delta = {"role": "assistant", "content": None} | _called(0, speech.tool)
        return {"delta": delta}

    def chunks(self, speech: Speech) -> Iterator[tuple[dict[str, Any], bool]]:
        for index, part in enumerate(speech.parts):
            if index and part.tool is not None:
                yield {"delta": _called(index, part.tool)}, False
            for text in part.chunks:
                call = {"index": index, "function": {"arguments": text}}
                yield {"delta": {"content": text} if part.tool is None else {"tool_calls": [call]}}, True

    def closing(self) -> dict[str, Any]:
        return {"delta": {}}


def _called(index: int, tool: Tool) -> dict[str, Any]:
    function = {"name": tool.name, "arguments": ""}
    return {"tool_calls": [{"index": index, "id": tool.call_id, "type": "function", "function": function}]}


class _Text:
    """How the choices of a text completion stream look."""

    prefix, kind = "cmpl-", "text_completion"

    def __init__(self, ask: Ask) -> None:
        self.ask = ask

    def opening(self, _speech: Speech) -> dict[str, Any] | None:
        return None

    def chunks(self, speech: Speech) -> Iterator[tuple[dict[str, Any], bool]]:
        for text in speech.chunks:
            yield {"text": text}, True

    def closing(self) -> dict[str, Any]:
        return {"text": ""}


def _events(ask: Ask, speeches: list[Speech], bill: Bill, shape: _Chat | _Text) -> Iterator[Event]:
    """The events of a stream: the choices take turns, each ends with its reason, then usage when it is due."""
    written = bill.reasoning
    for i, speech in enumerate(speeches):
        opening = shape.opening(speech)
        if opening is not None:
            yield Event(_event(shape, [_choice(i, opening)], _running(ask, bill, written)))
    for turn in itertools.zip_longest(*(shape.chunks(speech) for speech in speeches)):
        for i, said in enumerate(turn):
            if said is not None:
                written += said[1]
                choice = _choice(i, said[0])
                yield Event(_event(shape, [choice], _running(ask, bill, written)), content=said[1])
    for i, speech in enumerate(speeches):
        is_last = i == len(speeches) - 1 and ask.controls.usage == "last"
        usage = {"usage": usage_of(ask, bill)} if is_last else _running(ask, bill, bill.completion)
        yield Event(_event(shape, [_choice(i, shape.closing(), speech.finish)], usage))
    if ask.include_usage and ask.controls.usage not in ("off", "last"):
        yield Event(_event(shape, [], {"usage": usage_of(ask, bill)}))


def _running(ask: Ask, bill: Bill, written: int) -> dict[str, Any]:
    """The usage member of the chunks before the last: absent, null, or the state so far."""
    if ask.controls.usage == "always":
        return {"usage": usage_of(ask, Bill(bill.prompt, min(written, bill.completion), bill.cached, bill.reasoning))}
    return {"usage": None} if ask.include_usage and ask.controls.usage != "off" else {}


def _choice(index: int, shape: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": index, **shape, "logprobs": None, "finish_reason": finish}


def _event(shape: _Chat | _Text, choices: list[dict[str, Any]], usage: dict[str, Any]) -> bytes:
    shown = {"id": shape.prefix + shape.ask.digest, "object": shape.kind, "created": CREATED, "model": shape.ask.model}
    return msgspec.json.encode({**shown, "system_fingerprint": FINGERPRINT, "choices": choices, **usage})


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector of float32 values that depends on the text alone."""
    return list(struct.unpack(f"<{dimensions}f", _packed(text, dimensions)))


def _vector(text: str, dimensions: int, *, packed: bool) -> list[float] | str:
    """The same, as numbers or as base64 of their little-endian bytes."""
    return base64.b64encode(_packed(text, dimensions)).decode() if packed else vector(text, dimensions)


def _packed(text: str, dimensions: int) -> bytes:
    raw = hashlib.shake_128(text.encode("utf-8", "replace")).digest(dimensions * 2)
    numbers = struct.unpack(f"<{dimensions}h", raw)
    length = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return struct.pack(f"<{dimensions}f", *(number / length for number in numbers))
