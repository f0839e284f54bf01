"""Conversations that callers go on with by ``previous_response_id`` where the provider keeps none: in memory, bounded, for a time.

They are found by names that workers make and that only the key they were made for can use. Nothing of it reaches a disk.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

from phantom_gateway.spine.snapshot import Settings

OVERHEAD = 300
"""Bytes that an entry takes beside its content, about."""


class Conversations:
    """Those of one node. ``settings`` are those in force: with a time of 0 nothing is kept, and what was is forgotten."""

    def __init__(self, settings: Callable[[], Settings], clock: Callable[[], float]) -> None:
        self._settings = settings
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()
        """Until when, and what; the oldest first."""
        self._bytes = 0

    def do(self, what: Literal["keep", "get", "drop"], name: str, content: bytes) -> bytes | None:
        """Keep a conversation; what there is under a name; or forget it, and what it was."""
        settings, now = self._settings(), self._clock()
        self._trim(now, settings.conversations_bytes if settings.conversations_s else 0)
        if what == "keep":
            self._drop(name)
            if settings.conversations_s and len(content) + OVERHEAD <= settings.conversations_bytes:
                self._kept[name] = now + settings.conversations_s, content
                self._bytes += len(content) + OVERHEAD
                self._trim(now, settings.conversations_bytes)
            return None
        if what == "drop":
            return self._drop(name)
        found = self._kept.get(name)
        return None if found is None or found[0] <= now else found[1]

    def _drop(self, name: str) -> bytes | None:
        found = self._kept.pop(name, None)
        if found is None:
            return None
        self._bytes -= len(found[1]) + OVERHEAD
        return found[1]

    def _trim(self, now: float, most: int) -> None:
        while self._kept:
            name, (until, _) = next(iter(self._kept.items()))
            if until > now and self._bytes <= most:
                return
            self._drop(name)
