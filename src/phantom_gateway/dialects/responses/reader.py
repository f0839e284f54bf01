"""Streams of the Responses API: into neutral events."""

from __future__ import annotations

from typing import Any

import msgspec

from phantom_gateway.dialects import reading as read
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
from phantom_gateway.dialects.responses.response import called, read_stop, read_tokens


class Event(msgspec.Struct):
    """One event, as far as it is read."""

    type: str = ""
    response: dict[str, Any] | None = None
    item: dict[str, Any] | None = None
    part: dict[str, Any] | None = None
    delta: Any = None
    error: Any = None
    message: Any = None
    code: Any = None


_event = msgspec.json.Decoder(Event)
_GROWING = {
    "response.output_text.delta": ("text", Text),
    "response.refusal.delta": ("text", Text),
    "response.reasoning_summary_text.delta": ("thinking", Thinking),
    "response.reasoning_text.delta": ("thinking", Thinking),
    "response.function_call_arguments.delta": ("arguments", ToolCall),
}
ENDS = frozenset({"response.completed", "response.incomplete"})


def read_event(data: bytes) -> Event | None:
    """An event's data; None when it is no event of this format."""
    try:
        return _event.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def failure(event: Event) -> Any:
    """What an event of failure says: of ``error`` or of ``response.failed``."""
    if event.error is not None:
        return event.error
    if event.response is not None and event.response.get("error") is not None:
        return event.response["error"]
    return {"message": event.message, "code": event.code}


class Reader:
    """Reads the data of one event after the other. One per stream."""

    def __init__(self) -> None:
        self.usage: dict[str, Any] | None = None
        """As the upstream reported it."""
        self.complete = False
        """Whether the upstream has said why the answer ended."""
        self._open: Part | None = None
        self._index = -1
        self._called = False
        self._grown = False
        self._started = False

    def read(self, data: bytes) -> list[StreamEvent]:
        """The events in one event's data. Raises Untranslatable."""
        if data == b"[DONE]":
            return []
        event = read_event(data)
        if event is None:
            raise Untranslatable("An event of the stream was not understood.")
        kind = event.type
        growing = _GROWING.get(kind)
        if growing is not None:
            return self._grew(*growing, event.delta)
        if kind in ENDS:
            return self._ended(event.response or {})
        if kind in ("error", "response.failed") or event.error is not None:
            return [_failed(failure(event))]
        if kind == "response.created" and not self._started:
            self._started = True
            return [Started(str((event.response or {}).get("id") or ""))]
        if kind == "response.output_item.added":
            return self._added(event.item or {})
        if kind == "response.content_part.added":
            return self._part(event.part or {})
        if kind == "response.reasoning_summary_part.added":
            again = isinstance(self._open, Thinking) and self._grown
            return [Grew(self._index, "thinking", "\n\n")] if again else self._begin(Thinking(""))
        if kind == "response.output_item.done":
            return self._done(event.item or {})
        return []

    def close(self) -> list[StreamEvent]:
        """There is one event for why it ended and that it did."""
        return []

    def _begin(self, part: Part) -> list[StreamEvent]:
        if isinstance(part, Thinking) and isinstance(self._open, Thinking):
            return []
        events = self._shut()
        self._open = part
        self._grown = False
        self._index += 1
        return [*events, Opened(self._index, part)]

    def _shut(self) -> list[StreamEvent]:
        was_open, self._open = self._open, None
        return [] if was_open is None else [Shut(self._index)]

    def _added(self, item: dict[str, Any]) -> list[StreamEvent]:
        if item.get("type") == "function_call":
            call = called(item, "item")
            call.arguments = ""
            self._called = True
            return self._begin(call)
        return self._shut()

    def _part(self, part: dict[str, Any]) -> list[StreamEvent]:
        kind = part.get("type")
        if kind in ("output_text", "refusal"):
            return [*self._shut(), *self._begin(Text(""))]
        return self._begin(Thinking("")) if kind == "reasoning_text" else []

    def _grew(self, name: Any, kind: type[Part], delta: Any) -> list[StreamEvent]:
        events = [] if isinstance(self._open, kind) else self._begin_late(kind)
        self._grown = True
        return [*events, Grew(self._index, name, read.text(delta, "delta"))]

    def _begin_late(self, kind: type[Part]) -> list[StreamEvent]:
        """Some servers leave out that a part begins; of a call its name would be missing."""
        if kind is ToolCall:
            raise Untranslatable("The upstream called a tool without a name.")
        return self._begin(Text("") if kind is Text else Thinking(""))

    def _done(self, item: dict[str, Any]) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        kept = item.get("encrypted_content")
        if item.get("type") == "reasoning" and isinstance(kept, str) and kept:
            events += self._begin(Thinking(""))
            events.append(Grew(self._index, "signature", kept))
        elif item.get("type") == "function_call" and not self._grown and isinstance(self._open, ToolCall):
            events.append(Grew(self._index, "arguments", called(item, "item").arguments))
        return events + self._shut()

    def _ended(self, response: dict[str, Any]) -> list[StreamEvent]:
        if self.complete:
            return []
        self.complete = True
        usage = response.get("usage")
        self.usage = usage if isinstance(usage, dict) else None
        stopped = Stopped(read_stop(response, called=self._called), tokens=read_tokens(usage))
        return [*self._shut(), stopped, Ended()]


def _failed(error: Any) -> Failed:
    described = error if isinstance(error, dict) else {"message": error}
    message = described.get("message")
    kind = described.get("code") or described.get("type") or "upstream_error"
    return Failed(str(kind), message if isinstance(message, str) else "")
