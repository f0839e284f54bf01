"""Answers in the memory of one worker: bounded by their bytes and by their number, the least recently used going first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phantom_gateway.gateway.caching.entry import Entry


class MemoryStore:
    """Belongs to one worker."""

    def __init__(self, max_bytes: int, max_entries: int) -> None:
        self._max_bytes = max_bytes
        self._max_entries = max_entries
        self._entries: OrderedDict[str, Entry] = OrderedDict()
        self.size = 0
        """Bytes, roughly."""

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, name: str, now: float) -> Entry | None:
        """The entry, if there is one whose time has not come."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.until <= now:
            self._drop(name)
            return None
        self._entries.move_to_end(name)
        return entry

    def put(self, name: str, entry: Entry, now: float) -> None:
        """Keep an entry; what is expired or longest unused makes room."""
        self._drop(name)
        if entry.until <= now or entry.size > self._max_bytes:
            return
        self._entries[name] = entry
        self.size += entry.size
        while len(self._entries) > self._max_entries or self.size > self._max_bytes:
            self._drop(next(iter(self._entries)))

    def forget(self, names: Iterable[str]) -> None:
        """Drop entries."""
        for name in names:
            self._drop(name)

    def clear(self) -> None:
        """Drop everything."""
        self._entries.clear()
        self.size = 0

    def resize(self, max_bytes: int, max_entries: int) -> None:
        """Other bounds from now on."""
        self._max_bytes, self._max_entries = max_bytes, max_entries
        while self._entries and (len(self._entries) > max_entries or self.size > max_bytes):
            self._drop(next(iter(self._entries)))

    def sweep(self, now: float) -> None:
        """Drop what is expired: content stays no longer than it was allowed to, also when nobody asks for it."""
        for name in [name for name, entry in self._entries.items() if entry.until <= now]:
            self._drop(name)

    async def close(self) -> None:
        """Nothing is open."""
        self.clear()

    def _drop(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            self.size -= entry.size
