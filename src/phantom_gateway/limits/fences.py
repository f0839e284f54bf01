"""Budgets that are new on an entity and not lent yet, because some worker may still act on what was before.

A request admitted under the old limits holds nothing of a new budget. Each worker that could admit one has to confirm that
it knows better, and its journal to be read up to that moment; then all such requests are known and counted
(``Authority.set_outside``), and the budget may be lent.
"""

from __future__ import annotations

from collections.abc import Iterable


class Fences:
    """Which scopes wait for which workers. Numbered, so that a confirmation lifts only what was there when it was asked for."""

    def __init__(self) -> None:
        self.number = 0
        """Of the newest fence."""
        self.settled = 0
        """Of the newest one whose change is in the database: who forgets before that learns what was before once more."""
        self._fences: dict[str, tuple[int, set[str]]] = {}

    def __len__(self) -> int:
        return len(self._fences)

    def __contains__(self, scope: str) -> bool:
        return scope in self._fences

    def put(self, scopes: Iterable[str], workers: Iterable[str]) -> None:
        """Lend nothing of ``scopes`` until all ``workers`` have confirmed or are gone."""
        waiting = set(workers)
        if not waiting:
            return
        self.number += 1
        self._fences |= {scope: (self.number, set(waiting)) for scope in scopes}

    def settle(self) -> None:
        """The changes for which there are fences are in the database, or given up: from now on forgetting counts."""
        self.settled = self.number

    def owes(self, worker: str) -> bool:
        """Whether a confirmation of ``worker`` is awaited."""
        return any(worker in waiting for _, waiting in self._fences.values())

    def confirmed(self, worker: str, number: int) -> None:
        """``worker`` has confirmed the fences up to ``number``."""
        for scope, (mine, waiting) in list(self._fences.items()):
            if mine <= number:
                waiting.discard(worker)
                if not waiting:
                    del self._fences[scope]

    def gone(self, worker: str) -> None:
        """``worker`` is dead and its journal read to the end."""
        self.confirmed(worker, self.number)
