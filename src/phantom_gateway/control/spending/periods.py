"""Ranges of days as dashboards name them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.timestamps import iso, parse
from phantom_gateway.store.rollup_tables import HOURS_KEPT

MAX_DAYS = 1100
DAY = 86_400
_MAX_OFFSET = 14 * 60 + 60


@dataclass(frozen=True, slots=True)
class Period:
    """Days since the epoch, both ends included, of a zone ``offset_hours`` ahead of UTC."""

    first: int
    last: int
    offset_hours: int = 0


def period(start: str | None, end: str | None, now: float, timezone: int | None = None) -> Period:
    """The days from ``start`` to ``end``. ``timezone`` is UTC minus local time in minutes, as browsers give it.

    Days of other zones are exact for whole hours (others are rounded) and as far back as sums are kept by hour; a range that
    begins earlier is one of UTC days. Raises ApiError 400.
    """
    first, last = _day("start_date", start), _day("end_date", end)
    if last < first:
        raise bad_field("end_date", "must not be before start_date")
    if last - first >= MAX_DAYS:
        raise bad_field("end_date", f"must be less than {MAX_DAYS} days after start_date")
    if timezone is not None and abs(timezone) > _MAX_OFFSET:
        raise bad_field("timezone", "must be minutes between UTC and local time")
    offset = round(-(timezone or 0) / 60)
    kept_by_hour = first >= int(now) // DAY - HOURS_KEPT // 24 + 2
    return Period(first, last, offset if kept_by_hour else 0)


def period_or_all(start: str | None, end: str | None, now: float, days: int = 30) -> Period:
    """The same with defaults: the last ``days`` days up to today. Raises ApiError 400."""
    today = int(now) // DAY
    last = today if end is None else _day("end_date", end)
    first = max(last - days + 1, 0) if start is None else _day("start_date", start)
    return period(date(first), date(last), now)


@lru_cache(maxsize=4096)
def date(day: int) -> str:
    """``2026-11-23`` for a day."""
    return (iso(day * DAY) or "")[:10]


def _day(name: str, text: str | None) -> int:
    if not text:
        raise bad_field(name, "is required (YYYY-MM-DD)")
    try:
        moment = parse(text)
    except (ValueError, OverflowError) as error:
        raise bad_field(name, str(error)) from error
    if not 0 <= moment < datetime(9000, 1, 1, tzinfo=UTC).timestamp():
        raise bad_field(name, "must be a date after 1970")
    return int(moment) // DAY
