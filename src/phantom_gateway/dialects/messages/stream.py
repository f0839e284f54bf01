"""Streams of Anthropic's messages: into neutral events and from them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.messages import errors
from phantom_gateway.dialects.messages.parts import read_part, write_part
from phantom_gateway.dialects.messages.response import REASONS, message_id, read_stop, read_tokens, write_tokens
from phantom_gateway.dialects.neutral import (
    Ended,
    Failed,
    Grew,
    Opened,
    Part,
    Shut,
    Started,
    Stopped,
    StreamEvent,
    Text,
    Thinking,
    ToolCall,
    Untranslatable,
)
from phantom_gateway.dialects.problem import Problem

STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_encode = msgspec.json.Encoder().encode


class Event(msgspec.Struct):
    """One event, as far as it is read."""

    type: str = ""
    index: int = 0
    message: dict[str, Any] | None = None
    content_block: dict[str, Any] | None = None
    delta: dict[str, Any] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


_event = msgspec.json.Decoder(Event)


def read_event(data: bytes) -> Event | None:
    """An event's data; None when it is no event of this format."""
    try:
        return _event.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def merged(usage: dict[str, Any] | None, event: Event) -> dict[str, Any] | None:
    """Usage so far: of the input from the first event, of the output from the last; the counts of the last are of the whole.

    The first event has a count of output, too, which only says that there is some: it is not taken for the real one.
    """
    if event.type == "message_start":
        first = (event.message or {}).get("usage")
        return (
            {name: value for name, value in first.items() if name != "output_tokens"}
            if isinstance(first, dict)
            else usage
        )
    if event.usage is None:
        return usage
    return (usage or {}) | {name: value for name, value in event.usage.items() if value is not None}


class Reader:
    """Reads the data of one event after the other. One per stream."""

    def __init__(self) -> None:
        self.usage: dict[str, Any] | None = None
        """As the upstream reported it so far."""
        self.complete = False
        """Whether the upstream has said why the answer ended."""
        self._stopped: Stopped | None = None

    def read(self, data: bytes) -> list[StreamEvent]:
        """The events in one event's data. Raises Untranslatable."""
        event = read_event(data)
        if event is None:
            raise Untranslatable("An event of the stream was not understood.")
        kind = event.type
        if kind == "content_block_delta":
            grown = _grown(event)
            return [] if grown is None else [grown]
        if kind == "content_block_start":
            return _opened(event)
        if kind == "content_block_stop":
            return [Shut(event.index)]
        if event.error is not None or kind == "error":
            return [_failed(event.error)]
        self.usage = merged(self.usage, event)
        if kind == "message_start":
            message = event.message or {}
            return [Started(str(message.get("id") or ""), read_tokens(message.get("usage")))]
        if kind == "message_delta":
            self._note(event.delta or {})
            return []
        if kind == "message_stop":
            return [*self.close(), Ended()]
        return []

    def close(self) -> list[StreamEvent]:
        """The end of the answer, once its reason is known."""
        stopped, self._stopped = self._stopped, None
        if stopped is None:
            return []
        stopped.tokens = read_tokens(self.usage)
        return [stopped]

    def _note(self, delta: dict[str, Any]) -> None:
        reason = delta.get("stop_reason")
        if reason is not None:
            self.complete = True
            self._stopped = Stopped(
                read_stop(reason), read.optional_text(delta.get("stop_sequence"), "stop_sequence") or None
            )


def _opened(event: Event) -> list[StreamEvent]:
    block = read.table(event.content_block, "content_block")
    part = read_part(block, "content_block")
    events: list[StreamEvent] = [Opened(event.index, part)]
    if isinstance(part, ToolCall):
        part.arguments = "" if part.arguments == "{}" else part.arguments
    elif isinstance(part, Text | Thinking) and part.text:
        events.append(Grew(event.index, "text" if isinstance(part, Text) else "thinking", part.text))
        part.text = ""
    return events


def _grown(event: Event) -> Grew | None:
    delta = read.table(event.delta, "delta")
    kind = delta.get("type")
    if kind == "text_delta":
        return Grew(event.index, "text", read.text(delta.get("text"), "delta.text"))
    if kind == "input_json_delta":
        return Grew(event.index, "arguments", read.text(delta.get("partial_json"), "delta.partial_json"))
    if kind == "thinking_delta":
        return Grew(event.index, "thinking", read.text(delta.get("thinking"), "delta.thinking"))
    if kind == "signature_delta":
        return Grew(event.index, "signature", read.text(delta.get("signature"), "delta.signature"))
    if kind == "citations_delta":
        return Grew(event.index, "citation", value=delta.get("citation"))
    return Grew(event.index, "opaque", value=delta)


def _failed(error: Any) -> Failed:
    described = error if isinstance(error, dict) else {}
    message = described.get("message")
    return Failed(str(described.get("type") or "api_error"), message if isinstance(message, str) else "")


class Writer:
    """Writes events. One per stream."""

    def __init__(self, model: str, _created: int, _wants_usage: bool, renamed: Mapping[str, str]) -> None:
        self._model = model
        self._renamed = renamed

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event."""
        if isinstance(event, Grew):
            if event.kind == "logprobs":
                return b""  # nothing here says how likely a token was
            return _event_bytes("content_block_delta", {"index": event.index, "delta": _delta(event)})
        if isinstance(event, Opened):
            return _event_bytes("content_block_start", {"index": event.index, "content_block": self._block(event.part)})
        if isinstance(event, Shut):
            return _event_bytes("content_block_stop", {"index": event.index})
        if isinstance(event, Started):
            return self._started(event)
        if isinstance(event, Stopped):
            delta = {"stop_reason": REASONS[event.stop], "stop_sequence": event.sequence}
            return _event_bytes("message_delta", {"delta": delta, "usage": write_tokens(event.tokens)})
        if isinstance(event, Ended):
            return STOP
        return errors.event(Problem(502, "upstream_error", event.message or "The upstream broke off its answer."))

    def unsaid(self) -> bytes:
        """What ends an answer whose upstream gave the reason to end and then ended its response, without an end marker of its
        own: here there is one sign for both, and clients wait for it.
        """
        return STOP

    def _started(self, event: Started) -> bytes:
        message: dict[str, Any] = {
            "id": message_id(event.id),
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_tokens(event.tokens),
        }
        return _event_bytes("message_start", {"message": message})

    def _block(self, part: Part) -> dict[str, Any] | None:
        if isinstance(part, ToolCall):
            return {"type": "tool_use", "id": part.id, "name": self._renamed.get(part.name, part.name), "input": {}}
        return write_part(part)


def _delta(event: Grew) -> Any:
    if event.kind == "text":
        return {"type": "text_delta", "text": event.text}
    if event.kind == "arguments":
        return {"type": "input_json_delta", "partial_json": event.text}
    if event.kind == "thinking":
        return {"type": "thinking_delta", "thinking": event.text}
    if event.kind == "signature":
        return {"type": "signature_delta", "signature": event.text}
    if event.kind == "citation":
        return {"type": "citations_delta", "citation": event.value}
    return event.value


def _event_bytes(kind: str, fields: dict[str, Any]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), _encode({"type": kind} | fields))
