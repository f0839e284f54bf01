"""Windows by arithmetic: which window an instant belongs to follows from the instant alone, so a reset is no job.

Windows are written as LiteLLM writes them: ``30s``, ``15m``, ``12h``, ``7d``, ``2w``, ``1mo``.

Without an anchor they are aligned the way LiteLLM (1.106.2) standardises its resets: ``1d`` and ``24h`` are calendar days, ``7d``
and ``1w`` weeks from Monday, ``30d`` and ``1mo`` calendar months. Other lengths are multiples counted from the epoch (days and
weeks in local days, months from January of year 0).

``@`` and a time zone say whose calendar days, weeks and months: ``1d@Europe/Berlin``; otherwise they are those of UTC.

With an anchor (taken to the second below) the first window begins there, days are 86,400 seconds and months keep the anchor's day.

The empty window never resets.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import NamedTuple

FOREVER = (0.0, math.inf)

_SYNTAX = re.compile(r"([1-9]\d{0,8})(s|m|h|d|w|mo)(?:@([A-Za-z0-9_+/-]{1,64}))?")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_MONDAY = date(1970, 1, 5).toordinal()


class WindowSyntaxError(ValueError):
    """Not a duration this gateway knows."""


class Span(NamedTuple):
    """A parsed window: ``size`` times ``unit``; unit ``s`` (with m and h folded in), ``d``, ``mo`` or empty for never."""

    size: int
    unit: str
    zone: str = ""
    """A time zone other than UTC, of days and months."""


@lru_cache(maxsize=256)
def parse(window: str) -> Span:
    """Read a window. Raises WindowSyntaxError."""
    if not window:
        return Span(0, "")
    match = _SYNTAX.fullmatch(window)
    if match is None:
        raise WindowSyntaxError(f"not a duration: {window!r} (such as 30s, 15m, 24h, 7d, 1mo)")
    count, unit, zone = int(match[1]), match[2], match[3] or ""
    if (count, unit) == (30, "d"):
        return Span(1, "mo", zone)
    if (count, unit) == (24, "h"):
        return Span(1, "d", zone)
    if unit == "w":
        return Span(7 * count, "d", zone)
    if unit in ("d", "mo"):
        return Span(count, unit, zone)
    if zone:
        raise WindowSyntaxError(f"only days, weeks and months have a time zone: {window!r}")
    return Span(count * _SECONDS[unit], "s")


def seconds(window: str) -> float:
    """Nominal length; a month counts as 30 days, never is infinite. Raises WindowSyntaxError."""
    count, unit, _ = parse(window)
    if not unit:
        return math.inf
    return float(count * {"s": 1, "d": 86400, "mo": 30 * 86400}[unit])


def window_bounds(window: str, now: float, anchor: float = 0.0) -> tuple[float, float]:
    """The window around ``now``: start ≤ now < end, Unix seconds; ``(0.0, inf)`` for never.

    Calendar days, weeks and months follow the clock of the window's time zone, so a day may have 23 or 25 hours. Raises
    WindowSyntaxError.
    """
    count, unit, zone = parse(window)
    if not unit:
        return FOREVER
    tz = _zone(zone) if zone else UTC
    anchor = float(math.floor(anchor))  # a window's start is a key, so it must not depend on rounding
    if unit == "mo":
        return _anchored_months(count, now, anchor, tz) if anchor else _months(count, now, tz)
    if unit == "s" or anchor:
        length = count if unit == "s" else count * 86400
        start = anchor + math.floor((now - anchor) / length) * length
        return start, start + length
    return _days(count, now, tz)


@lru_cache(maxsize=256)
def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo  # few workers need it

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise WindowSyntaxError(f"not a time zone: {name!r}") from None


def admitted_at(free: int, kept: int, before: int, bounds: tuple[float, float]) -> float:
    """When a sliding window admits a request, if nothing else happens until then; infinite for never.

    ``free`` is what the limit leaves beside the request (limit less need), ``kept`` what the present window counts, ``before`` what
    the window before did. Of the window before, the share counts that a window of the same length which ends now still
    covers; so what is used now begins to fade when the present window ends, and counts for nothing when the next one does.
    """
    start, end = bounds
    if free < 0:
        return math.inf
    if kept <= free:
        fading, room = before, free - kept
    else:
        fading, room = kept, free
        start, end = end, 2 * end - start
    return start if fading <= room else end - (end - start) * room / fading


def _days(count: int, now: float, tz: tzinfo) -> tuple[float, float]:
    today = datetime.fromtimestamp(now, tz).date().toordinal()
    zero = _MONDAY if count % 7 == 0 else _EPOCH_DAY
    first = today - (today - zero) % count
    return _midnight(first, tz), _midnight(first + count, tz)


def _midnight(ordinal: int, tz: tzinfo) -> float:
    return datetime.combine(date.fromordinal(ordinal), datetime.min.time(), tz).timestamp()


def _months(count: int, now: float, tz: tzinfo) -> tuple[float, float]:
    today = datetime.fromtimestamp(now, tz).date()
    month = today.year * 12 + today.month - 1
    first = month - month % count
    return tuple(_midnight(date(m // 12, m % 12 + 1, 1).toordinal(), tz) for m in (first, first + count))  # type: ignore[return-value]


def _anchored_months(count: int, now: float, anchor: float, tz: tzinfo) -> tuple[float, float]:
    origin = datetime.fromtimestamp(anchor, tz)
    today = datetime.fromtimestamp(now, tz)
    passed = (today.year - origin.year) * 12 + today.month - origin.month
    index = passed // count
    if now < _anniversary(origin, index * count, tz):
        index -= 1
    return _anniversary(origin, index * count, tz), _anniversary(origin, (index + 1) * count, tz)


def _anniversary(origin: datetime, months: int, tz: tzinfo) -> float:
    """The origin's wall time ``months`` later; on the last day of a month that is too short for its day."""
    month = origin.year * 12 + origin.month - 1 + months
    first = date(month // 12, month % 12 + 1, 1)
    last = (date((month + 1) // 12, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    day = first.replace(day=min(origin.day, last))
    return datetime.combine(day, origin.time(), tz).timestamp()
