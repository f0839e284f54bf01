"""Answers about images, audio and rankings: where model and usage are in them, whole and in a stream.

Most bytes of these answers are nobody's business here. Sources: API references of OpenAI (images, audio with their streaming
events), Cohere (rerank, v2) and Jina AI (reranker); read November 2026.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from phantom_gateway.dialects.openai import Answer, StreamTap

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret


class Images(msgspec.Struct):
    """What we read of an answer with images."""

    data: list[msgspec.Raw] | None = None
    usage: dict[str, Any] | None = None
    error: Any = None


class Transcript(msgspec.Struct):
    """What we read of a transcript in JSON."""

    usage: dict[str, Any] | None = None
    duration: float | str | None = None
    error: Any = None


class Ranking(msgspec.Struct):
    """What we read of a ranking."""

    model: str = ""
    results: list[msgspec.Raw] | None = None
    usage: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    error: Any = None


_images = msgspec.json.Decoder(Images)
_transcript = msgspec.json.Decoder(Transcript)
_ranking = msgspec.json.Decoder(Ranking)
_ERRORS = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def read_images(body: bytes) -> Answer | None:
    """Usage of images, with their number as ``images``; None when it is no JSON object of that shape."""
    try:
        found = _images.decode(body)
    except _ERRORS:
        return None
    usage = dict(found.usage or {})
    if found.data is not None:
        usage["images"] = len(found.data)
    return Answer(usage=usage or None, error=found.error)


def read_transcript(body: bytes) -> Answer | None:
    """Usage of a transcript: tokens, or its length in seconds. Texts in other formats than JSON have none."""
    if not body.lstrip(b" \t\r\n").startswith(b"{"):
        return Answer() if body else None
    try:
        found = _transcript.decode(body)
    except _ERRORS:
        return None
    if found.usage is None and found.duration is not None:
        return Answer(usage={"seconds": _seconds(found.duration)}, error=found.error)
    return Answer(usage=found.usage, error=found.error)


def read_ranking(body: bytes) -> Answer | None:
    """Model and usage of a ranking: search units and tokens beside each other."""
    try:
        found = _ranking.decode(body)
    except _ERRORS:
        return None
    usage = dict(found.usage or {})
    for place in ("billed_units", "tokens"):
        told = (found.meta or {}).get(place)
        if isinstance(told, dict):
            usage = {name: told[name] for name in ("search_units", "input_tokens") if name in told} | usage
    return Answer(model=found.model, usage=usage or None, error=found.error)


def said(_body: bytes) -> int:
    """Nothing of it is counted in characters."""
    return 0


def _seconds(value: float | str) -> Any:
    """Some providers write the length as a text."""
    try:
        return float(value)
    except ValueError:
        return value


class MediaTap(StreamTap):
    """Stands in a stream of images, speech or a transcript: the event that ends it, with the usage, is held back."""

    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        """See ``StreamTap.feed``."""
        out = super().feed(data)
        if self.ended or self._says_end(self.last):
            self.ended = True
            self.events = max(self.events, 1)
            self.tail += out
            return b""
        return out

    def produced(self) -> int:
        """What events carry here is no tokens."""
        return 0

    @staticmethod
    def _says_end(data: bytes) -> bool:
        return data.find(b'.done"') >= 0 or data.find(b'.completed"') >= 0


class BytesTap:
    """Stands in an answer that is no text at all, and lets it pass."""

    __slots__ = ("done", "error", "events", "octets", "tail")

    def __init__(self, *_of_streams: str | bool | int | Secret | None) -> None:
        self.done = False
        self.error: Any = None
        self.events = 0
        self.octets = 0
        self.tail = b""

    @property
    def usage(self) -> dict[str, Any] | None:
        """Nobody reports any."""
        return None

    @property
    def complete(self) -> bool:
        """Whether it is whole: only its framing says so."""
        return True

    def feed(self, data: bytes) -> bytes:
        """Take upstream bytes, give the same."""
        self.events += bool(data)
        self.octets += len(data)
        return data

    @property
    def sequence(self) -> int:
        """Events are not numbered here."""
        return 0

    def produced(self) -> int:
        """No tokens."""
        return 0

    def finish(self) -> None:
        """Nothing is added."""
