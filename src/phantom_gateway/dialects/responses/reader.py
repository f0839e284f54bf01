"""Streams of the Responses API: into neutral events.

The items of an answer are numbered, and their pieces may come mixed. One neutral part is open at a time, and a call's arguments
are one text: while a call is open, what other items say is held, and read when their turn comes.
"""

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
    output_index: Any = None
    item_id: Any = None
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
_OF_ITEMS = frozenset(_GROWING) | {
    "response.output_item.added",
    "response.content_part.added",
    "response.reasoning_summary_part.added",
    "response.output_item.done",
}
ENDS = frozenset({"response.completed", "response.incomplete"})
MAX_HELD = 16 * 1024 * 1024
"""Bytes of events that wait for a call before them to end."""
_MIXED = "The upstream mixed the pieces of several tool calls."


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
        self._item: int | None = None
        """The item that the open part is of, as we count them; None: not told."""
        self._items = 0
        self._names: dict[int | str, int | None] = {}
        """The items by what the upstream calls them; None: it called several so."""
        self._held: dict[int, list[bytes]] = {}
        self._bytes_held = 0
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
        if kind in _OF_ITEMS:
            added = kind == "response.output_item.added"
            item = self._numbered(event) if added else self._number(event)
            if item is not None and isinstance(self._open, ToolCall) and self._item not in (None, item):
                return self._hold(item, data)
            return [*self._read(event, item), *self._released()]
        if kind in ENDS:
            return self._ended(event.response or {})
        if kind in ("error", "response.failed") or event.error is not None:
            return [_failed(failure(event))]
        if kind == "response.created" and not self._started:
            self._started = True
            return [Started(str((event.response or {}).get("id") or ""))]
        return []

    def _read(self, event: Event, item: int | None) -> list[StreamEvent]:
        kind = event.type
        growing = _GROWING.get(kind)
        if growing is not None:
            return self._grew(*growing, event.delta, item)
        if kind == "response.output_item.added":
            return self._added(event.item or {}, item)
        if kind == "response.content_part.added":
            return self._part(event.part or {}, item)
        if kind == "response.reasoning_summary_part.added":
            again = isinstance(self._open, Thinking) and self._grown
            return [Grew(self._index, "thinking", "\n\n")] if again else self._begin(Thinking(""), item)
        return self._done(event.item or {}, item)

    def _numbered(self, event: Event) -> int:
        """The number of an item that begins. What is said of several tells nothing: some servers number all of them 0."""
        number = self._items
        self._items += 1
        for name in _names(event):
            self._names[name] = None if name in self._names else number
        return number

    def _number(self, event: Event) -> int | None:
        """The number of the item that an event is of; None when that cannot be told."""
        numbers = (self._names.get(name) for name in _names(event))
        return next((number for number in numbers if number is not None), None)

    def _hold(self, item: int, data: bytes) -> list[StreamEvent]:
        self._bytes_held += len(data)
        if self._bytes_held > MAX_HELD:
            raise Untranslatable("The answer is too long.")
        self._held.setdefault(item, []).append(data)
        return []

    def _released(self) -> list[StreamEvent]:
        """What was held, in the order in which the items began, up to a call that is not whole yet."""
        events: list[StreamEvent] = []
        while self._held and not isinstance(self._open, ToolCall):
            item = next(iter(self._held))
            for data in self._held.pop(item):
                self._bytes_held -= len(data)
                events += self._read(_event.decode(data), item)
        return events

    def close(self) -> list[StreamEvent]:
        """There is one event for why it ended and that it did."""
        return []

    def _begin(self, part: Part, item: int | None) -> list[StreamEvent]:
        if isinstance(part, Thinking) and isinstance(self._open, Thinking):
            self._item = item
            return []
        events = self._shut()
        self._open, self._item = part, item
        self._grown = False
        self._index += 1
        return [*events, Opened(self._index, part)]

    def _shut(self) -> list[StreamEvent]:
        was_open, self._open = self._open, None
        return [] if was_open is None else [Shut(self._index)]

    def _added(self, described: dict[str, Any], item: int | None) -> list[StreamEvent]:
        if described.get("type") == "function_call":
            call = called(described, "item")
            call.arguments = ""
            self._called = True
            return self._begin(call, item)
        return self._shut()

    def _part(self, part: dict[str, Any], item: int | None) -> list[StreamEvent]:
        kind = part.get("type")
        if kind in ("output_text", "refusal"):
            return [*self._shut(), *self._begin(Text(""), item)]
        return self._begin(Thinking(""), item) if kind == "reasoning_text" else []

    def _grew(self, name: Any, kind: type[Part], delta: Any, item: int | None) -> list[StreamEvent]:
        if kind is ToolCall and item is None and self._held:
            raise Untranslatable(_MIXED)
        fits = isinstance(self._open, kind) and self._is_of(item)
        events = [] if fits else self._begin_late(kind, item)
        self._grown = True
        return [*events, Grew(self._index, name, read.text(delta, "delta"))]

    def _is_of(self, item: int | None) -> bool:
        """Whether the open part is of an item, as far as that is told."""
        return item is None or self._item is None or item == self._item

    def _begin_late(self, kind: type[Part], item: int | None) -> list[StreamEvent]:
        """Some servers leave out that a part begins; of a call its name would be missing."""
        if kind is ToolCall:
            raise Untranslatable("The upstream called a tool without a name." if item is None else _MIXED)
        # another's thoughts do not go on here
        events = [] if self._is_of(item) else self._shut()
        return [*events, *self._begin(Text("") if kind is Text else Thinking(""), item)]

    def _done(self, described: dict[str, Any], item: int | None) -> list[StreamEvent]:
        events: list[StreamEvent] = []
        kept = described.get("encrypted_content")
        if described.get("type") == "reasoning" and isinstance(kept, str) and kept:
            events += self._begin(Thinking(""), item)
            events.append(Grew(self._index, "signature", kept))
        elif not self._is_of(item):
            return []  # what is open is another's
        elif described.get("type") == "function_call" and not self._grown and isinstance(self._open, ToolCall):
            whole = called(described, "item")
            if whole.id != self._open.id:
                raise Untranslatable(_MIXED)
            events.append(Grew(self._index, "arguments", whole.arguments))
        return events + self._shut()

    def _ended(self, response: dict[str, Any]) -> list[StreamEvent]:
        if self.complete:
            return []
        self.complete = True
        events = self._shut()
        while self._held:  # a call among them may not have been ended either
            events += [*self._released(), *self._shut()]
        usage = response.get("usage")
        self.usage = usage if isinstance(usage, dict) else None
        stopped = Stopped(read_stop(response, called=self._called), tokens=read_tokens(usage))
        return [*events, stopped, Ended()]


def _names(event: Event) -> list[int | str]:
    """What an event calls the item it is of."""
    said = event.output_index, event.item_id, (event.item or {}).get("id")
    return list(dict.fromkeys(name for name in said if type(name) is int or (isinstance(name, str) and name)))


def _failed(error: Any) -> Failed:
    described = error if isinstance(error, dict) else {"message": error}
    message = described.get("message")
    kind = described.get("code") or described.get("type") or "upstream_error"
    return Failed(str(kind), message if isinstance(message, str) else "")
