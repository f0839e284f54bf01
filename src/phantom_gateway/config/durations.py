"""Durations as operators write them: ``30s``, ``30m``, ``24h``, ``7d``, ``2w``, ``1mo``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Unit = Literal["s", "m", "h", "d", "mo"]

_PATTERN = re.compile(r"([1-9][0-9]{0,8})(s|mo|m|h|d|w)\Z", re.ASCII)
_SECONDS: dict[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_MAX_DAYS = 3660


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
