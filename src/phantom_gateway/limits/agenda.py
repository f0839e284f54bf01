"""What is to be looked at when, to the second, so that nobody has to look at everything again and again."""

from __future__ import annotations

import heapq
import math
from typing import Generic, TypeVar

T = TypeVar("T")

_NEVER = 1 << 62


class Agenda(Generic[T]):
    """Things by the time at which they want to be looked at; one may be on it several times."""

    __slots__ = ("_at", "_seconds")

    def __init__(self) -> None:
        self._at: dict[int, list[T]] = {}
        self._seconds: list[int] = []
        """Those with something to do, as a heap."""

    def put(self, thing: T, when: float) -> None:
        """Look at ``thing`` once ``when`` (Unix seconds, perhaps infinite) has come."""
        second = _NEVER if when == math.inf else math.ceil(when)
        found = self._at.get(second)
        if found is None:
            found = self._at[second] = []
            heapq.heappush(self._seconds, second)
        found.append(thing)

    def due(self, now: float, most: int) -> list[T]:
        """At most ``most`` of those whose time has come, taken off."""
        found: list[T] = []
        while self._seconds and self._seconds[0] <= now and len(found) < most:
            things = self._at[self._seconds[0]]
            room = most - len(found)
            found += things[-room:]
            del things[-room:]
            if not things:
                del self._at[heapq.heappop(self._seconds)]
        return found
