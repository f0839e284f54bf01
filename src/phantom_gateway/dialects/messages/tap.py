"""Anthropic's messages in an answer and in a stream that pass through: where model and usage are.

Sources: Anthropic's API reference (streaming messages), read November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.dialects.events import refuse_unreadable
from phantom_gateway.dialects.messages.stream import Event, merged, read_event
from phantom_gateway.dialects.openai import Answer, hidden, stamp_pair
from phantom_gateway.wire.sse import SseSplitter, event_data

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret

OVERHEAD = 115
"""Bytes of an event around the text it carries."""
CHARS_PER_TOKEN = 4
_DELTA = b'"content_block_delta"'


class _Answer(msgspec.Struct):
    model: str = ""
    usage: dict[str, Any] | None = None
    error: Any = None
    input_tokens: int | None = None


class _Content(msgspec.Struct):
    content: list[Any] = []


_answer = msgspec.json.Decoder(_Answer)
_content = msgspec.json.Decoder(_Content)
_encoder = msgspec.json.Encoder()
_SAID = ("text", "thinking", "data")


def read_answer(body: bytes) -> Answer | None:
    """Model and usage of a complete answer; None when it is not a JSON object of that shape."""
    try:
        found = _answer.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return Answer(model=found.model, usage=found.usage, error=found.error)


def said(body: bytes) -> int:
    """Characters that the model itself produced in a complete answer: what is counted when nobody reports usage."""
    try:
        blocks = _content.decode(body).content
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return len(body)
    total = 0
    for block in blocks:
        if isinstance(block, dict):
            total += sum(len(block[name]) for name in _SAID if isinstance(block.get(name), str))
            total += len(_encoder.encode(block["input"])) if "input" in block else 0
    return total


class MessagesTap:
    """Stands in a stream of Anthropic's events; see ``dialects.openai.StreamTap``, whose part it plays."""

    __slots__ = (
        "_delta_octets", "_deltas", "_key", "_public", "_splitter", "_stopped", "done", "error", "events", "octets", "tail",
        "usage",
    )  # fmt: skip

    def __init__(
        self, public_model: str, _hide_usage: bool, max_event: int, upstream_key: Secret | None = None
    ) -> None:
        self._splitter = SseSplitter(max_event)
        self._public = public_model
        self._key = upstream_key
        self._deltas = 0
        self._delta_octets = 0
        self._stopped = False
        self.usage: dict[str, Any] | None = None
        self.error: Any = None
        self.done = False
        self.events = 0
        self.octets = 0
        self.tail = b""

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, give the caller's bytes. Raises BadResponse when an event exceeds its bound."""
        if not self.events or self._splitter.pending or not data.endswith(b"\n\n") or data.find(b"\r") >= 0:
            events = self._splitter.feed(data)
            if not events:
                return b""
            data = b"".join(events)
            self.events += sum([event.find(b"data:") >= 0 for event in events])
        else:
            self.events += data.count(b"\ndata:") + data.startswith(b"data:")
        self.octets += len(data)
        if data.find(_DELTA) >= 0:
            self._count(data)
        if self.done:
            self.tail += data
            return b""
        refuse_unreadable(data)
        if data.find(b'"message_') >= 0 or data.find(b'"error"') >= 0:
            return self._look_closely(data)
        return data

    def _count(self, data: bytes) -> None:
        """Note pieces of the answer; the usual read has nothing else in it."""
        deltas, others = data.count(_DELTA), data.count(b'data: {"type":')
        if deltas == others:
            self._deltas += deltas
            self._delta_octets += len(data)
            return
        for raw in SseSplitter(len(data) + 4).feed(data):
            if raw.find(_DELTA) >= 0:
                self._deltas += 1
                self._delta_octets += len(raw)

    @property
    def complete(self) -> bool:
        """Whether the stream said its end, or at least why the answer ended."""
        return self.done or self._stopped

    def produced(self) -> int:
        """Tokens so far, for a stream without usage: an event carries at least one, mostly several."""
        return max(self._deltas, (self._delta_octets - self._deltas * OVERHEAD) // CHARS_PER_TOKEN)

    @property
    def sequence(self) -> int:
        """Events are not numbered here."""
        return 0

    def finish(self) -> None:
        """Nothing is added to what the upstream said."""

    def _look_closely(self, data: bytes) -> bytes:
        """Read the events that say something about the answer; from the last event on everything goes to ``tail``."""
        kept = []
        for raw in SseSplitter(len(data) + 4).feed(data):
            event = read_event(event_data(raw))
            written = raw if event is None else self._note(event, raw)
            if self.done:
                self.tail += written
            else:
                kept.append(written)
        return b"".join(kept)

    def _note(self, event: Event, raw: bytes) -> bytes:
        kind = event.type
        if kind == "message_start":
            model = (event.message or {}).get("model")
            pair = stamp_pair(model, self._public, raw) if isinstance(model, str) else None
            raw = raw.replace(*pair, 1) if pair else raw
        elif kind == "message_delta":
            self._stopped = self._stopped or bool((event.delta or {}).get("stop_reason"))
        elif kind == "message_stop":
            self.done = True
        elif kind == "error" or event.error is not None:
            self.error = event.error if event.error is not None else kind
            self.events -= 1
            return hidden(raw, self._key)
        else:
            return raw
        self.usage = merged(self.usage, event)
        return raw
