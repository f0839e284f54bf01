"""Streams of ``streamGenerateContent``: into neutral events and from them.

Each event is a response of its own with what is new in it. There is no marker of the end: the last response says why the answer
ended, and then the stream does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from phantom_gateway.dialects import reading as read
from phantom_gateway.dialects.gemini import errors
from phantom_gateway.dialects.gemini.parts import Calls, read_parts
from phantom_gateway.dialects.gemini.response import (
    FAILED,
    REASONS,
    blocked,
    citations,
    prefix_of,
    read_logprobs,
    read_stop,
    read_tokens,
    write_said,
    write_tokens,
    written_citations,
)
from phantom_gateway.dialects.gemini.spelling import fields, optional_fields
from phantom_gateway.dialects.neutral import (
    Ended,
    Failed,
    Grew,
    Opened,
    Part,
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
from phantom_gateway.dialects.problem import Problem

_any = msgspec.json.Decoder(Any)
_encode = msgspec.json.Encoder().encode


def read_event(data: bytes) -> dict[str, Any] | None:
    """An event's data with its names in camelCase; None when it is no object."""
    try:
        return fields(_any.decode(data), "event")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Untranslatable):
        return None


def reason_of(event: dict[str, Any]) -> str | None:
    """Why the answer ended, if an event says so: of the question, or of a candidate."""
    if blocked(event):
        return "SAFETY"
    candidates = event.get("candidates")
    for candidate in candidates if isinstance(candidates, list) else ():
        reason = candidate.get("finishReason") if isinstance(candidate, dict) else None
        if isinstance(reason, str) and reason and reason != "FINISH_REASON_UNSPECIFIED":
            return reason
    return None


def merged(usage: dict[str, Any] | None, event: dict[str, Any]) -> dict[str, Any] | None:
    """Usage so far: the last report is of the whole. Before the end there is no sum: what does not stand in it is still to come."""
    reported = event.get("usageMetadata")
    if not isinstance(reported, dict):
        return usage
    if reason_of(event) is None and reported.get("candidatesTokenCount") is None:
        return {name: value for name, value in reported.items() if name != "totalTokenCount"}
    return reported


class Reader:
    """Reads the data of one event after the other. One per stream."""

    def __init__(self) -> None:
        self.usage: dict[str, Any] | None = None
        """As the upstream last reported it."""
        self._calls: Calls | None = None
        self._open: Part | None = None
        self._index = -1
        self._called = False
        self._reason: str | None = None

    @property
    def complete(self) -> bool:
        """Whether the upstream has said why the answer ended."""
        return self._reason is not None

    def read(self, data: bytes) -> list[StreamEvent]:
        """The events in one event's data. Raises Untranslatable."""
        event = read_event(data)
        if event is None:
            raise Untranslatable("An event of the stream was not understood.")
        if event.get("error") is not None:
            return [_failed(event["error"])]
        self.usage = merged(self.usage, event)
        events: list[StreamEvent] = []
        if self._calls is None:
            answer_id = str(event.get("responseId") or "")
            self._calls = Calls(prefix_of(answer_id))
            events.append(Started(answer_id, read_tokens(self.usage)))
        candidates = read.items(event.get("candidates") or [], "candidates")
        if candidates:
            first = fields(candidates[0], "candidates[0]")
            if first.get("index") in (None, 0):
                self._take(first, self._calls, events)
        reason = reason_of(event)
        if reason in FAILED:
            return [*events, Failed("upstream_error", f"The model did not bring its answer to an end ({reason}).")]
        if reason is not None:
            self._reason = reason
        return events

    def close(self) -> list[StreamEvent]:
        """The end of the answer, once its reason is known: Google's streams have no other end."""
        if self._reason is None:
            return []
        events: list[StreamEvent] = []
        self._shut(events)
        stop = read_stop(self._reason, called=self._called)
        return [*events, Stopped(stop, tokens=read_tokens(self.usage)), Ended()]

    def _take(self, candidate: dict[str, Any], calls: Calls, events: list[StreamEvent]) -> None:
        content = optional_fields(candidate.get("content"), "candidates[0].content")
        for part in read_parts(content.get("parts") or [], "candidates[0].content.parts", calls):
            self._part(part, events)
        found = citations(candidate)
        if found and isinstance(self._open, Text):
            events += [Grew(self._index, "citation", value=each) for each in found]
        likely = read_logprobs(candidate.get("logprobsResult"))
        if likely:
            events.append(Grew(max(self._index, 0), "logprobs", value=likely))

    def _part(self, part: Part, events: list[StreamEvent]) -> None:
        if isinstance(part, Text):
            if not isinstance(self._open, Text):
                self._begin(Text(""), events)
            events.append(Grew(self._index, "text", part.text))
        elif isinstance(part, Thinking):
            if not isinstance(self._open, Thinking):
                self._begin(Thinking(""), events)
            if part.text:
                events.append(Grew(self._index, "thinking", part.text))
            if part.signature:
                events.append(Grew(self._index, "signature", part.signature))
                self._shut(events)
        elif isinstance(part, ToolCall):
            self._called = True
            arguments, part.arguments = part.arguments, ""
            self._begin(part, events)
            events.append(Grew(self._index, "arguments", arguments))
            self._shut(events)
        else:
            self._begin(part, events)
            self._shut(events)

    def _begin(self, part: Part, events: list[StreamEvent]) -> None:
        self._shut(events)
        self._open = part
        self._index += 1
        events.append(Opened(self._index, part))

    def _shut(self, events: list[StreamEvent]) -> None:
        if self._open is not None:
            events.append(Shut(self._index))
        self._open = None


def _failed(error: Any) -> Failed:
    described = error if isinstance(error, dict) else {}
    message = described.get("message")
    return Failed(str(described.get("status") or "upstream_error"), message if isinstance(message, str) else "")


class Writer:
    """Writes responses. One per stream."""

    def __init__(self, model: str, _created: int, _wants_usage: bool, renamed: Mapping[str, str]) -> None:
        self._model = model
        self._renamed = renamed
        self._id = ""
        self._parts: dict[int, Part] = {}
        """What is given whole, and is not whole yet."""
        self._cited: list[Part] = []

    def write(self, event: StreamEvent) -> bytes:
        """The bytes of one event; empty for what the format does not say by itself."""
        if isinstance(event, Grew):
            return self._grew(event)
        if isinstance(event, Opened):
            return self._opened(event)
        if isinstance(event, Shut):
            part = self._parts.pop(event.index, None)
            if part is None or (isinstance(part, Thinking) and not part.signature):
                return b""
            return self._said(write_said(part, self._renamed))
        if isinstance(event, Started):
            self._id = event.id
            return b""
        if isinstance(event, Stopped):
            return self._stopped(event)
        if isinstance(event, Ended):
            return b""
        return errors.event(Problem(502, "upstream_error", event.message or "The upstream broke off its answer."))

    def unsaid(self) -> bytes:
        """What ends an answer whose upstream did not mark its end: nothing, this format has no marker."""
        return b""

    def _grew(self, event: Grew) -> bytes:
        if event.kind == "text":
            return self._said({"text": event.text})
        part = self._parts.get(event.index)
        if event.kind == "thinking":
            return self._said({"text": event.text, "thought": True})
        if event.kind == "signature" and isinstance(part, Thinking):
            part.signature += event.text
        elif event.kind == "arguments" and isinstance(part, ToolCall):
            part.arguments += event.text
        elif event.kind == "citation":
            self._cited.append(Text("", citations=[event.value]))
        return b""

    def _opened(self, event: Opened) -> bytes:
        part = event.part
        if isinstance(part, ToolCall):
            self._parts[event.index] = ToolCall(part.id, part.name, part.arguments)
            return b""
        if isinstance(part, Thinking):
            self._parts[event.index] = Thinking("", part.signature)
            return b""
        if isinstance(part, Text) or (isinstance(part, Redacted) and not part.data):
            return b""
        return self._said(write_said(part, self._renamed))

    def _said(self, part: dict[str, Any] | None) -> bytes:
        if part is None:
            return b""
        return self._response({"content": {"parts": [part], "role": "model"}, "index": 0}, {})

    def _stopped(self, event: Stopped) -> bytes:
        candidate: dict[str, Any] = {
            "content": {"parts": [{"text": ""}], "role": "model"},
            "finishReason": REASONS.get(event.stop, "STOP"),
            "index": 0,
        }
        if event.stop is Stop.FILTER:
            del candidate["content"]
        if sources := written_citations(self._cited):
            candidate["citationMetadata"] = {"citationSources": sources}
        return self._response(candidate, {"usageMetadata": write_tokens(event.tokens)})

    def _response(self, candidate: dict[str, Any], more: dict[str, Any]) -> bytes:
        response = {"candidates": [candidate]} | more | {"modelVersion": self._model, "responseId": self._id}
        return b"data: %b\n\n" % _encode(response)
