"""OpenAI's chat, completions and embeddings format: where model and usage are, in a body and in a stream.

Sources: OpenAI API reference (streaming events, ``stream_options.include_usage``), read November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.dialects.events import END as DONE
from phantom_gateway.dialects.events import UnreadableEvent, refuse_unreadable
from phantom_gateway.wire.sse import SseSplitter, event_data

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret

_NULL_USAGE = b'"usage":null'


class Answer(msgspec.Struct):
    """What we read of a complete answer."""

    model: str = ""
    usage: dict[str, Any] | None = None
    error: Any = None


class Event(msgspec.Struct):
    """What we read of a stream event, when we must read one at all."""

    model: str = ""
    usage: dict[str, Any] | None = None
    choices: list[dict[str, Any]] | None = None
    error: Any = None


class _Choices(msgspec.Struct):
    choices: list[Any] = []


_SAID = frozenset({"content", "text", "reasoning_content", "reasoning", "refusal", "arguments", "name"})

_answer = msgspec.json.Decoder(Answer)
_choices = msgspec.json.Decoder(_Choices)
_event = msgspec.json.Decoder(Event)
_raw = msgspec.json.Decoder(msgspec.Raw)
_encoder = msgspec.json.Encoder()


def read_answer(body: bytes) -> Answer | None:
    """Model and usage of a complete answer; None when it is not a JSON object of that shape."""
    try:
        return _answer.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def said(body: bytes) -> int:
    """Characters that the model itself produced in a complete answer: what is counted when nobody reports usage."""
    try:
        return _said(_choices.decode(body).choices, counts=False)
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


def hidden(data: bytes, key: Secret | None) -> bytes:
    """An upstream's error without the key it was sent: some providers repeat it."""
    return data.replace(key.reveal().encode(), b"[key]") if key else data


def stamp_pair(model: str, public: str, sample: bytes, member: bytes = b"model") -> tuple[bytes, bytes] | None:
    """What to replace by what so that answers carry the public model name; None when nothing need change.

    Inside JSON strings quotes are escaped, so the pair can only match a real ``member``.
    """
    if not model or model == public:
        return None
    old, new = _encoder.encode(model), _encoder.encode(public)
    for separator in (b'"%b":' % member, b'"%b": ' % member):
        if sample.find(separator + old) >= 0:
            return separator + old, separator + new
    return None


class StreamTap:
    """Stands in a stream: lets bytes pass, hides what the caller did not ask for, reads what accounting needs.

    ``feed`` returns what may go to the caller now. From the end marker on everything is kept in ``tail``, because it may
    only be sent once the request is in the journal. Bytes are looked at, not parsed, except the first event and those that
    speak of usage or errors.
    """

    __slots__ = (
        "_hide_usage",
        "_key",
        "_pair",
        "_public",
        "_splitter",
        "done",
        "ended",
        "error",
        "events",
        "last",
        "octets",
        "tail",
        "usage",
    )

    def __init__(self, public_model: str, hide_usage: bool, max_event: int, upstream_key: Secret | None = None) -> None:
        self._key = upstream_key
        self._splitter = SseSplitter(max_event)
        self._public = public_model
        self._hide_usage = hide_usage
        self._pair: tuple[bytes, bytes] | None = None
        self.usage: dict[str, Any] | None = None
        self.error: Any = None
        self.done = False
        self.ended = False
        """The usage of the whole answer has come, in an event of its own."""
        self.events = 0
        self.octets = 0
        self.last = b""
        self.tail = b""

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, give the caller's bytes. Raises BadResponse when an event exceeds its bound."""
        # ``find``, not ``in``: the latter first tries its operand as a number, which costs an exception each time
        if not self.events or self._splitter.pending or not data.endswith(b"\n\n") or data.find(b"\r") >= 0:
            events = self._splitter.feed(data)
            if not events:
                return b""
            data = b"".join(events)
            self._judge(data)
            self._count(events, data)
        elif data.startswith(b"data: ") and data.find(b"\n") == len(data) - 2 and not self.done:
            # One event in one line, as nearly all are, is judged here: a call less for each.
            self.events += 1
            try:
                if data.find(DONE) < 0:
                    _raw.decode(data[6:-2])
            except (msgspec.MsgspecError, RecursionError) as error:
                raise UnreadableEvent(1) from error
        else:
            self._judge(data)
            self.events += data.count(b"\ndata:") + data.startswith(b"data:")
        self.octets += len(data)
        if self._pair is not None:
            data = data.replace(*self._pair)
        if data.find(b'"usage"') >= 0:
            if self._hide_usage:
                data = data.replace(b"," + _NULL_USAGE, b"")
            if b'"usage"' in data.replace(_NULL_USAGE, b""):
                return self._pass(self._look_closely(data))
        if data.find(DONE) >= 0 or data.find(b'"error"') >= 0:
            return self._pass(self._look_closely(data))
        self.last = data
        return self._pass(data)

    @property
    def complete(self) -> bool:
        """Whether the stream said its end: the marker, a finish reason, or the final usage."""
        if self.done or self.ended:
            return True
        choices = [choice for event in _read_all(self.last) for choice in event.choices or ()]
        return any(choice.get("finish_reason") for choice in choices)

    @property
    def sequence(self) -> int:
        """Events are not numbered here."""
        return 0

    def finish(self) -> None:
        """Nothing is added to what the upstream said."""

    def produced(self) -> int:
        """Content events so far: most providers send one token an event, between one that carries only the role and one
        that carries only the reason to end.
        """
        closing = sum(_only_ends(event) for event in _read_all(self.last))
        return max(self.events - 1 - closing, 0)

    def _judge(self, data: bytes) -> None:
        """Raises UnreadableEvent, having counted what came up to it."""
        if self.done:
            return
        try:
            refuse_unreadable(data)
        except UnreadableEvent as error:
            self.events += error.seen
            raise

    def _pass(self, data: bytes) -> bytes:
        if self.done or self.tail:
            self.tail += data
            return b""
        return data

    def _count(self, events: list[bytes], data: bytes) -> None:
        """Comments and bare ``event:`` lines are not events here."""
        if not self.events:
            for event in _read_all(data)[:1]:
                self._pair = stamp_pair(event.model, self._public, data)
        self.events += sum([b"data:" in event for event in events])

    def _look_closely(self, data: bytes) -> bytes:
        kept = []
        for raw in SseSplitter(len(data) + 4).feed(data):
            text = event_data(raw)
            if text == DONE:
                self.done = True
                self.events -= 1
                kept.append(raw)
                continue
            event = _read(text)
            if event is not None and event.error is not None:
                self.error = event.error
                self.events -= 1
                raw = hidden(raw, self._key)  # noqa: PLW2901
            if event is not None and event.usage is not None:
                self.usage = event.usage
                if not event.choices:
                    self.ended = True
                    self.events -= 1
                    if self._hide_usage:
                        continue
            self.last = raw
            kept.append(raw)
        return b"".join(kept)


def _read(text: bytes) -> Event | None:
    """An event's data; None when it is not JSON of an event's shape."""
    try:
        return _event.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _only_ends(event: Event) -> bool:
    """Whether an event says why its choices end and nothing else."""
    return bool(event.choices) and all(
        choice.get("finish_reason") and not _said(choice, counts=False) for choice in event.choices or ()
    )


def _read_all(raw: bytes) -> list[Event]:
    """The readable events in some whole raw events."""
    texts = [event_data(event) for event in SseSplitter(len(raw) + 4).feed(raw)]
    return [event for text in texts if text and (event := _read(text)) is not None]
