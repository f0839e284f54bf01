"""Answers and streams of the Responses API that pass through: where model, usage and the response's id are.

The id comes back from callers, to whoever it was made by: what they see is another one, which only they can use.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.dialects.events import refuse_unreadable
from phantom_gateway.dialects.openai import Answer, hidden, stamp_pair
from phantom_gateway.dialects.responses.reader import ENDS, Event, failure, read_event
from phantom_gateway.wire.sse import SseSplitter, event_data

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret

_DELTA = b'.delta"'
_SAID = frozenset({"text", "arguments", "input", "refusal", "encrypted_content"})
_encode = msgspec.json.Encoder().encode

Names = Callable[[str], str]
"""What a caller calls a response that the upstream calls otherwise."""


class _Answer(msgspec.Struct):
    id: str | None = None
    model: str = ""
    usage: dict[str, Any] | None = None
    error: Any = None
    status: Any = None
    previous_response_id: str | None = None


class _Output(msgspec.Struct):
    output: list[Any] = []


_answer = msgspec.json.Decoder(_Answer)
_output = msgspec.json.Decoder(_Output)


def read_answer(body: bytes) -> Answer | None:
    """Model and usage of a complete answer; None when it is not a JSON object of that shape."""
    found = _read(body)
    return None if found is None else Answer(model=found.model, usage=found.usage, error=found.error)


def read_stored(body: bytes) -> Answer | None:
    """The same of what an upstream has kept: that it once failed is what was asked for."""
    found = _read(body)
    return None if found is None else Answer(model=found.model)


def _read(body: bytes) -> _Answer | None:
    try:
        return _answer.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def said(body: bytes) -> int:
    """Characters that the model itself produced in a complete answer: what is counted when nobody reports usage."""
    try:
        return _said(_output.decode(body).output, counts=False)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return len(body)


def _said(value: Any, *, counts: bool) -> int:
    if isinstance(value, str):
        return len(value) if counts else 0
    if isinstance(value, dict):
        return sum(_said(item, counts=name in _SAID) for name, item in value.items())
    if isinstance(value, list):
        return sum(_said(item, counts=counts) for item in value)
    return 0


def named(body: bytes, names: Names) -> bytes:
    """A whole answer with the ids that its caller may use."""
    found = _read(body)
    return body if found is None else _named(body, (found.id, found.previous_response_id), names)


def _named(data: bytes, ids: tuple[Any, ...], names: Names) -> bytes:
    """Inside JSON strings quotes are escaped, so only whole values are met."""
    for each in ids:
        if isinstance(each, str) and each.startswith("resp_"):
            data = data.replace(_encode(each), _encode(names(each)))
    return data


class ResponsesTap:
    """Stands in a stream of events of the Responses API; see ``dialects.openai.StreamTap``, whose part it plays."""

    __slots__ = (
        "_deltas", "_key", "_public", "_splitter", "done", "error", "events", "names", "octets", "tail", "usage",
    )  # fmt: skip

    def __init__(
        self, public_model: str, _hide_usage: bool, max_event: int, upstream_key: Secret | None = None
    ) -> None:
        self._splitter = SseSplitter(max_event)
        self._public = public_model
        self._key = upstream_key
        self._deltas = 0
        self.names: Names | None = None
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
        self._deltas += data.count(_DELTA)
        if self.done:
            self.tail += data
            return b""
        refuse_unreadable(data)
        # ``find``, not ``in``: the latter first tries its operand as a number, which costs an exception each time
        if data.find(b'"response"') >= 0 or data.find(b'"error"') >= 0:
            return self._look_closely(data)
        return data

    @property
    def complete(self) -> bool:
        """Whether the stream said its end, which here is also why the answer ended."""
        return self.done

    @property
    def sequence(self) -> int:
        """Number of the next event."""
        return self.events

    def produced(self) -> int:
        """Tokens so far, for a stream without usage: a piece carries at least one."""
        return self._deltas

    def finish(self) -> None:
        """Nothing is added to what the upstream said."""

    def _look_closely(self, data: bytes) -> bytes:
        """Read the events that say something about the answer; from the last one on everything goes to ``tail``."""
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
        response = event.response
        if response is not None:
            raw = self._shown(response, raw)
            usage = response.get("usage")
            if isinstance(usage, dict):
                self.usage = usage
        if event.type in ENDS:
            self.done = True
        elif event.type in ("error", "response.failed") or event.error is not None:
            self.error = failure(event)
            self.events -= 1
            return hidden(raw, self._key)
        return raw

    def _shown(self, response: dict[str, Any], raw: bytes) -> bytes:
        model = response.get("model")
        pair = stamp_pair(model, self._public, raw) if isinstance(model, str) else None
        raw = raw.replace(*pair, 1) if pair else raw
        if self.names is None:
            return raw
        return _named(raw, (response.get("id"), response.get("previous_response_id")), self.names)
