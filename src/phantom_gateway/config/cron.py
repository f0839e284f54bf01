"""Cron expressions of five fields (minute, hour, day of month, month, day of week; crontab(5)), in UTC.

Each field is ``*``, a number, a range ``a-b``, any of them with a step ``/n``, or a list of those. Days of the week are 0 to 7,
where 0 and 7 are Sunday. When both days are restricted, one of them suffices, as cron has it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART = re.compile(r"(\*|\d{1,2})(?:-(\d{1,2}))?(?:/(\d{1,2}))?\Z", re.ASCII)


@dataclass(frozen=True, slots=True)
class Cron:
    """When something is to happen."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    """0 is Sunday."""
    either_day: bool
    """Whether the day of the month or that of the week suffices."""

    def matches(self, instant: float) -> bool:
        """Whether the minute of ``instant`` (Unix seconds) is one."""
        at = datetime.fromtimestamp(instant, UTC)
        day, weekday = at.day in self.days, at.isoweekday() % 7 in self.weekdays
        if at.minute not in self.minutes or at.hour not in self.hours or at.month not in self.months:
            return False
        return day or weekday if self.either_day else day and weekday


def parse_cron(text: str) -> Cron:
    """Read an expression. Raises ValueError with a sentence."""
    fields = text.split()
    if len(fields) != len(_BOUNDS):
        raise ValueError("must be five fields: minute, hour, day of month, month, day of week, such as '0 4 * * *'")
    values = [_values(field, *bounds) for field, bounds in zip(fields, _BOUNDS, strict=True)]
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    minutes, hours, days, months, weekdays = values
    return Cron(minutes, hours, days, months, frozenset(day % 7 for day in weekdays), either)


def _values(field: str, least: int, most: int) -> frozenset[int]:
    found: set[int] = set()
    for part in field.split(","):
        match = _PART.match(part)
        if match is None or (match[1] == "*" and match[2]):
            raise ValueError(f"{part!r} is no part of a cron expression")
        step = int(match[3] or 1)
        first = least if match[1] == "*" else int(match[1])
        last = int(match[2]) if match[2] else most if match[1] == "*" or match[3] else first
        if not step or first < least or last > most or first > last:
            raise ValueError(f"{part!r} is not within {least} to {most}")
        found.update(range(first, last + 1, step))
    return frozenset(found)
