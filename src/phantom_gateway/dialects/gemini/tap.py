"""Google's responses, whole and in a stream, that pass through: where model and usage are.

Sources: Google's API reference (``GenerateContentResponse``), read November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.dialects.events import refuse_unreadable
from phantom_gateway.dialects.gemini.spelling import fields
from phantom_gateway.dialects.gemini.stream import merged, read_event, reason_of
from phantom_gateway.dialects.neutral import Untranslatable
from phantom_gateway.dialects.openai import Answer, hidden, stamp_pair
from phantom_gateway.wire.sse import SseSplitter, event_data

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret

CHARS_PER_TOKEN = 4
_any = msgspec.json.Decoder(Any)
_encoder = msgspec.json.Encoder()


def read_answer(body: bytes) -> Answer | None:
    """Model and usage of a complete answer; None when it is not a JSON object."""
    try:
        found = fields(_any.decode(body), "answer")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Untranslatable):
        return None
    model, usage = found.get("modelVersion"), found.get("usageMetadata")
    return Answer(
        model=model if isinstance(model, str) else "",
        usage=usage if isinstance(usage, dict) else None,
        error=found.get("error"),
    )


def said(body: bytes) -> int:
    """Characters that the model itself produced in a complete answer: what is counted when nobody reports usage."""
    try:
        return _said(_any.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return len(body)


def _said(response: Any) -> int:
    """Texts, calls and media of all candidates; the last in base64, which is more than they would count as."""
    candidates = response.get("candidates") if isinstance(response, dict) else None
    total = 0
    for candidate in candidates if isinstance(candidates, list) else ():
        content = candidate.get("content") if isinstance(candidate, dict) else None
        parts = content.get("parts") if isinstance(content, dict) else None
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict):
                continue
            text = part.get("text")
            total += len(text) if isinstance(text, str) else len(_encoder.encode(part))
    return total


def stamp(model: str, public: str, sample: bytes) -> tuple[bytes, bytes] | None:
    """What to replace by what so that an answer carries the public name; None where that might be something else, too."""
    pair = stamp_pair(model, public, sample, b"modelVersion")
    return pair if pair is not None and sample.count(pair[0]) == 1 else None


class GenerateTap:
    """Stands in a stream of Google's responses; see ``dialects.openai.StreamTap``, whose part it plays.

    The response that says why the answer ended is the last: it is held back, and let go when another one follows.
    """

    __slots__ = (
        "_chars", "_going", "_key", "_pieces", "_public", "_splitter", "_stopped", "done", "error", "events", "octets", "tail",
        "usage",
    )  # fmt: skip

    def __init__(
        self, public_model: str, _hide_usage: bool, max_event: int, upstream_key: Secret | None = None
    ) -> None:
        self._splitter = SseSplitter(max_event)
        self._public = public_model
        self._key = upstream_key
        self._pieces = 0
        self._chars = 0
        self._stopped = False
        self._going: set[str] = set()
        """Candidates that have begun and not ended, by their number."""
        self.usage: dict[str, Any] | None = None
        self.error: Any = None
        self.done = False
        self.events = 0
        self.octets = 0
        self.tail = b""

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, give the caller's bytes. Raises BadResponse when an event exceeds its bound."""
        self.octets += len(data)
        passed = []
        for raw in self._splitter.feed(data):
            text = event_data(raw)
            if not text:
                passed.append(raw)
                continue
            self.events += 1
            event = read_event(text)
            if event is None:
                self._pieces += 1
                refuse_unreadable(raw)
            written = raw if event is None else self._note(event, raw)
            if event is None or event.get("candidates"):
                passed.append(self.tail)
                self.tail = b""
            if self._stopped and (self.tail or (event is not None and reason_of(event) is not None)):
                self.tail += written
            else:
                passed.append(written)
        return b"".join(passed)

    @property
    def complete(self) -> bool:
        """Whether the stream said why the answer ended, of each candidate."""
        return self._stopped and not self._going

    @property
    def sequence(self) -> int:
        """Events of this format have no numbers."""
        return 0

    def produced(self) -> int:
        """Tokens so far, for a stream without usage: an event carries at least one, mostly several."""
        return max(self._pieces, self._chars // CHARS_PER_TOKEN)

    def finish(self) -> None:
        """Nothing is added to what the upstream said."""

    def _note(self, event: dict[str, Any], raw: bytes) -> bytes:
        if event.get("error") is not None:
            self.error = event["error"]
            self.events -= 1
            return hidden(raw, self._key)
        chars = _said(event)
        self._chars += chars
        self._pieces += chars > 0
        self.usage = merged(self.usage, event)
        self._stopped = self._stopped or reason_of(event) is not None
        for candidate in event.get("candidates") or ():
            if isinstance(candidate, dict):
                change = self._going.discard if candidate.get("finishReason") else self._going.add
                change(str(candidate.get("index") or 0))
        model = event.get("modelVersion")
        pair = stamp(model, self._public, raw) if isinstance(model, str) else None
        return raw.replace(*pair, 1) if pair else raw
