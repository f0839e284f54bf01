"""Answers that pass as they are, looked at for the usage in them: whole JSON, events, Google's streamed lists, Amazon's frames.

Every byte is given on unchanged and at once; what is kept of an answer is bounded, and an answer that cannot be read has no usage.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import msgspec

from phantom_gateway.wire.decoding import Inflater
from phantom_gateway.wire.errors import BadResponse, ResponseTooLarge
from phantom_gateway.wire.sse import SseSplitter, event_data

MAX_JSON = 8 * 1024 * 1024
"""Bytes of a whole answer that are kept to be read."""
MAX_TAIL = 64 * 1024
OCTETS_PER_TOKEN = 16
"""Of an answer that says nothing of usage: text is a part of it only."""
_FRAMED = re.compile(rb'"usage":(\{[^{}]{1,1000}\})')
_json = msgspec.json.Decoder()
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class PassTap:
    """Stands in an answer of ``kind`` (a content type) in a content ``coding``; ``metered``: whether its usage is of interest."""

    __slots__ = (
        "_inflater",
        "_kept",
        "_mode",
        "_splitter",
        "done",
        "error",
        "events",
        "octets",
        "speaks",
        "tail",
        "usage",
    )

    def __init__(self, kind: bytes | None, coding: bytes | None = None, *, metered: bool) -> None:
        self._mode = _mode(kind) if metered else ""
        self._inflater: Inflater | None = None
        if self._mode and coding is not None and coding.lower() != b"identity":
            with suppress(BadResponse):
                self._inflater = Inflater(coding)
        self._splitter = SseSplitter(MAX_JSON)
        self._kept = bytearray()
        self.usage: dict[str, Any] | None = None
        self.done = False
        self.error: Any = None
        self.events = 0
        """Pieces of content; 0 where nothing is metered."""
        self.octets = 0
        self.tail = b""
        self.speaks = True
        """Whether a model says something in it, which is not so for vectors and rankings."""

    @property
    def complete(self) -> bool:
        """Whether it is whole: its framing says so."""
        return True

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, give the same."""
        self.octets += len(data)
        if self._mode:
            self._look_into(data)
        return data

    @property
    def sequence(self) -> int:
        """Events are not numbered here."""
        return 0

    def produced(self) -> int:
        """Tokens at least: one for each event with content, or by the size of the whole."""
        if not self.speaks:
            return 0
        return max(self.events - 1, 0) if self._mode == "events" else self.octets // OCTETS_PER_TOKEN

    def finish(self) -> None:
        """The answer is there: read what was kept."""
        kept, self._kept = bytes(self._kept), bytearray()
        if self._mode == "json":
            self._look(kept)
        elif self._mode == "frames":
            for found in _FRAMED.findall(kept)[-1:]:
                self._look(b'{"usage":%b}' % found)

    def _look_into(self, data: bytes) -> None:
        try:
            if self._inflater is not None:
                data = self._inflater.feed(data)
        except (BadResponse, ResponseTooLarge):
            self._mode = ""
            return
        if self._mode == "events":
            self._events(data)
        else:
            self.events += 1
            self._kept += data
            most = MAX_TAIL if self._mode == "frames" else MAX_JSON
            if len(self._kept) > most:
                if self._mode == "json":
                    self._mode, self._kept = "", bytearray()  # too large to be read
                else:
                    del self._kept[: len(self._kept) - most]

    def _events(self, data: bytes) -> None:
        try:
            events = self._splitter.feed(data)
        except BadResponse:
            self._mode = ""
            return
        for raw in events:
            text = event_data(raw)
            self.events += bool(text)
            if text.find(b'"usage') >= 0:
                self._look(text)

    def _look(self, text: bytes) -> None:
        try:
            value = _json.decode(text)
        except _ERRORS:
            return
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                self._take(each)

    def _take(self, value: dict[str, Any]) -> None:
        """Usage at the places where providers have it; later counts replace earlier ones of the same name."""
        inner = [value.get(name) for name in ("message", "response", "delta")]
        for place in (value, *[each for each in inner if isinstance(each, dict)]):
            for name in ("usage", "usageMetadata", "meta"):
                found = place.get(name)
                if isinstance(found, dict):
                    told = {key: count for key, count in found.items() if count is not None}
                    self.usage = (self.usage or {}) | told


def _mode(kind: bytes | None) -> str:
    name = (kind or b"").partition(b";")[0].strip().lower()
    if name == b"text/event-stream":
        return "events"
    if name == b"application/vnd.amazon.eventstream":
        return "frames"
    return "json" if name == b"application/json" else ""
