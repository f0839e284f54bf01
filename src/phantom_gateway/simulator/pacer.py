"""One timer per millisecond instead of one per chunk: thousands of paced streams cost little more than their writes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import asyncio


class Ticked(Protocol):
    """Whoever waits for a moment."""

    def tick(self) -> None:
        """The moment has come."""


class Pacer:
    """Calls ``tick`` of whoever asked for a delay; all that are due in the same millisecond share one timer."""

    __slots__ = ("_loop", "_slots")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._slots: dict[int, list[Ticked]] = {}

    def schedule(self, waiter: Ticked, delay_ms: float) -> None:
        """Tick ``waiter`` after ``delay_ms``, rounded up to a whole millisecond of the loop's clock."""
        due = math.ceil(self._loop.time() * 1000 + delay_ms)
        slot = self._slots.get(due)
        if slot is None:
            slot = self._slots[due] = []
            self._loop.call_at(due / 1000, self._fire, due)
        slot.append(waiter)

    def _fire(self, due: int) -> None:
        for waiter in self._slots.pop(due):
            waiter.tick()
