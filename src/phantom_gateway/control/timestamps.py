"""Times as the API writes and reads them: ISO 8601 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache


@lru_cache(maxsize=8192)  # a list says the same few times again and again: when windows end, when things were made
def iso(seconds: float | None) -> str | None:
    """``2026-11-23T05:27:27.123456Z`` for Unix seconds."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def parse(text: str) -> float:
    """Unix seconds from a date or a time (``2026-11-23``, ``2026-11-23 05:27:27``, ISO with zone); UTC without a zone.

    Raises ValueError with a sentence.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError("must be a date (YYYY-MM-DD) or a time (ISO 8601)") from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def is_date(text: str) -> bool:
    """Whether ``text`` names a whole day."""
    return len(text.strip()) == len("2026-11-23")
