"""Answers that are dear and need not be of this very second, kept for a moment by whom they are for.

Of those who ask the same at once one asks the database, the others wait for that. Bounded: the oldest go first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

JsonObject = dict[str, Any]
SECONDS = 30.0
MOST = 256


@dataclass(slots=True)
class Remembered:
    """Lives on the event loop."""

    _kept: dict[Hashable, tuple[float, JsonObject]] = field(default_factory=dict)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def get(self, key: Hashable, now: float, ask: Callable[[], Awaitable[JsonObject]]) -> JsonObject:
        """What is kept under ``key``, at most ``SECONDS`` old, else what ``ask`` answers. Raises what it raises."""
        found = self._fresh(key, now)
        if found is not None:
            return found
        async with self._asking:
            found = self._fresh(key, now)
            if found is None:
                found = await ask()
                self._kept.pop(key, None)
                self._kept[key] = (now, found)
                while len(self._kept) > MOST:
                    del self._kept[next(iter(self._kept))]
        return found

    def _fresh(self, key: Hashable, now: float) -> JsonObject | None:
        at, found = self._kept.get(key, (0.0, {}))
        return found if found and abs(now - at) < SECONDS else None
