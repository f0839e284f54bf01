"""Durations as operators write them: ``30s``, ``30m``, ``24h``, ``7d``, ``2w``, ``1mo``.

Windows of budgets may name the time zone whose midnights they begin at: ``1d@Europe/Berlin``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from zoneinfo import ZoneInfo

Unit = Literal["s", "m", "h", "d", "mo"]

_PATTERN = re.compile(r"([1-9][0-9]{0,8})(s|mo|m|h|d|w)\Z", re.ASCII)
_SECONDS: dict[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_DAYS = 3660
_CALENDAR = re.compile(r"(?:24h|[1-9][0-9]*(?:d|w|mo))\Z", re.ASCII)
"""What begins at midnights; everything else is the same everywhere."""


@dataclass(frozen=True, slots=True)
class Duration:
    """``count`` times ``unit``. Weeks are read as seven days; months stay months, because their length is no constant."""

    count: int
    unit: Unit

    def seconds(self) -> int:
        """The length in seconds. Raises ValueError for months, which have none."""
        if self.unit == "mo":
            raise ValueError("a month has no fixed length in seconds")
        return self.count * _SECONDS[self.unit]

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"


def parse_duration(text: str) -> Duration:
    """Read ``30s``, ``5m``, ``24h``, ``7d``, ``2w`` or ``1mo`` (at most ten years). Raises ValueError with a sentence."""
    match = _PATTERN.match(text.strip())
    if match is None:
        raise ValueError("must be a duration such as 30s, 30m, 24h, 7d or 1mo")
    count, unit = int(match[1]), match[2]
    if unit == "w":
        count, unit = count * 7, "d"
    days = count * 31 if unit == "mo" else count * _SECONDS[unit] / 86400
    if days > _MAX_DAYS:
        raise ValueError("must not be longer than ten years")
    return Duration(count, unit)  # type: ignore[arg-type] # the pattern admits nothing else


def parse_window(text: str, zone: str = "") -> str:
    """A duration in its usual form with its time zone, if it names one; else with ``zone``, where that makes a difference.

    Raises ValueError with a sentence.
    """
    length, at, named = text.strip().partition("@")
    found = str(parse_duration(length))
    calendar = _CALENDAR.match(found) is not None
    if at and not calendar:
        raise ValueError("only windows of days, weeks and months have a time zone")
    if at:
        return f"{found}@{parse_zone(named)}"
    return f"{found}@{zone}" if calendar and zone not in ("", "UTC") else found


def parse_zone(name: str) -> str:
    """A name of the IANA time zone database, as it is. Raises ValueError with a sentence."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: the name of a folder of the database
        raise ValueError("must be a time zone such as Europe/Berlin") from None
    return name


def parse_seconds(value: object) -> float:
    """Seconds from a number (``600``, ``0.5``, ``"600"``) or a duration (``10m``). Raises ValueError with a sentence."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError("must be a number of seconds or a duration such as 30s")  # noqa: TRY004 # pydantic wants ValueError
    try:
        seconds = float(value)
    except ValueError:
        seconds = float(parse_duration(str(value)).seconds())
    if not 0 <= seconds <= _MAX_DAYS * 86400:
        raise ValueError("must be between 0 and ten years in seconds")
    return seconds
