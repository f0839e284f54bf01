"""Usage of images, audio and rankings: what providers report of them, in the disjoint classes of ``ledger.usage``.

None of these raises on a mapping; a negative, absurd or wrongly typed count is not reported and flagged.
Sources: API references of OpenAI (images, audio), Cohere (rerank, v2), Jina AI (reranker); read November 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from phantom_gateway.ledger.usage import MAX_COUNT, Counter, Media, Usage, from_openai


def from_images(usage: Mapping[str, Any]) -> Usage:
    """OpenAI's images: tokens of text and of images on both sides. Without details, everything that was made is an image."""
    read = Counter()
    total, made = read.count(usage, "input_tokens"), read.count(usage, "output_tokens")
    details = read.table(usage, "input_tokens_details")
    left = total or 0
    seen = read.part(read.count(details, "image_tokens"), left)
    left -= seen or 0
    cached = read.part(read.count(details, "cached_tokens"), left)
    said = read.table(usage, "output_tokens_details")
    text = None if made is None else read.part(read.count(said, "text_tokens"), made)
    drawn = None if made is None else made - (text or 0)
    return _usage(
        read,
        Media(image_input=seen, image_output=drawn),
        input=None if total is None else left - (cached or 0),
        cache_read=cached,
        output=None if made is None else text or 0,
    )


def from_audio(usage: Mapping[str, Any]) -> Usage:
    """OpenAI's transcriptions: tokens, or the seconds of the recording (``type: duration``)."""
    read = Counter()
    length = _milliseconds(read, usage.get("seconds"))
    if length is not None:
        return _usage(read, Media(audio_ms=length), input=0, output=0)
    total, made = read.count(usage, "input_tokens"), read.count(usage, "output_tokens")
    heard = read.count(read.table(usage, "input_token_details", "input_tokens_details"), "audio_tokens")
    heard = None if total is None else read.part(heard, total)
    return _usage(
        read, None, input=None if total is None else total - (heard or 0), audio_input=heard, output=made
    )  # fmt: skip


def from_speech(usage: Mapping[str, Any]) -> Usage:
    """OpenAI's speech, where it is streamed as events: everything that was made is audio."""
    read = Counter()
    return _usage(
        read, None, input=read.count(usage, "input_tokens"), audio_output=read.count(usage, "output_tokens"), output=0
    )


def from_rerank(usage: Mapping[str, Any]) -> Usage:
    """Search units (Cohere), tokens (Jina AI and others), or both."""
    read = Counter()
    units = read.count(usage, "search_units")
    found = from_openai({name: value for name, value in usage.items() if name != "search_units"})
    tokens = found.prompt_tokens if found.input is not None else read.count(usage, "total_tokens")
    return _usage(read, None if units is None else Media(queries=units), input=tokens, output=0)


def _usage(read: Counter, media: Media | None, **counts: int | None) -> Usage:
    reported = media is not None or any(value for value in counts.values())
    return Usage(**counts, source="provider" if reported else "none", flags=tuple(read.flags), media=media)


def _milliseconds(read: Counter, value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MAX_COUNT / 1000:
        return round(value * 1000)
    read.flag("bad:seconds")
    return None
