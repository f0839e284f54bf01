"""What control asks of an authority over leases, and what it answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, Protocol

from phantom_gateway.limits.fences import Fences
from phantom_gateway.spine.messages import HeldLease, LeaseGrant, Limit

Spends = Iterable[tuple[str, float, int]]
"""(scope, window start, nano-dollars), such as ``Closed.spends``."""


LoadSpent = Callable[[Sequence[tuple[str, float]]], Mapping[tuple[str, float], int]]
Readings = Mapping[tuple[str, float], tuple[int, int]]
"""(nano-dollars, version) of budget windows as the database has them."""


class LeaseAuthority(Protocol):
    """What control needs of an authority: this module's for one node, ``limits.shared`` for several."""

    fences: Fences
    nodes: int
    """That share limits, this one included."""
    place: int
    """This node's place among them, from 0."""
    versioned: bool
    """Whether it wants readings of the database with their versions; else it counts by itself."""

    def prepare(self, limits: Sequence[Limit], now: float) -> None:
        """These are about to be asked for: read at once what has to be read."""
        ...

    async def decide(
        self, worker: str, limit: Limit, need: int, want: int, now: float, *, recalled: bool = False
    ) -> Grant | NeedRecall:
        """Grant at least ``need`` and at most ``want`` units of ``limit`` to ``worker``, or refuse."""
        ...

    def told(self, scope: str, window_start: float, workers: Iterable[str]) -> None:
        """These workers have heard that another goes beyond its even share (``NeedRecall.notice``)."""
        ...

    def give_back(self, worker: str, scope: str, window_start: float, amount: int, now: float | None = None) -> None:
        """Take back unused units."""
        ...

    def hello(self, worker: str, held: Sequence[HeldLease], now: float) -> None:
        """``worker`` (re)connected and declares what it holds."""
        ...

    def gone(self, worker: str) -> None:
        """``worker`` is dead and its journal is ingested and recovered."""
        ...

    def expire(self, now: float) -> int:
        """Drop counters nobody needs; call it every few seconds. Returns how many are left."""
        ...


class JournalAuthority(LeaseAuthority, Protocol):
    """What the journals' ingestion needs of it besides."""

    def ingesting(self, worker: str, spends: Spends) -> None:
        """Rows of ``worker`` with these spends are about to be committed."""
        ...

    def ingested(self, worker: str, spends: Spends, unheld: Spends = (), read: Readings | None = None) -> None:
        """Rows of ``worker`` with these spends are committed; ``read``: what the database says since."""
        ...

    def fence(self, scopes: Iterable[str]) -> None:
        """Lend nothing of these new budgets until every worker has confirmed that it has forgotten what was before."""
        ...

    def set_outside(self, amounts: Mapping[tuple[str, float], int]) -> None:
        """What open requests may cost that hold nothing of these budgets; replaces what was said."""
        ...

    def set_spent(self, scope: str, window_start: float, amount: int) -> None:
        """Correct what counts as spent, where it counts by itself."""
        ...

    def learn(self, read: Readings) -> None:
        """Correct what counts as spent, where it wants readings."""
        ...


class Grant(NamedTuple):
    """An answer to ``ask``; ``granted`` is 0 when refused. Fields as in ``LeaseGrant``."""

    granted: int
    window_start: float
    window_end: float
    remaining: int
    used: int
    reason: str = ""
    eased: bool = False
    spent: int = 0
    held: int = 0
    current: int = 0
    before: int = 0

    def message(self, seq: int) -> LeaseGrant:
        """As the answer to the ask numbered ``seq``."""
        granted, start, end, remaining, used, reason, eased, spent, held, current, before = self
        return LeaseGrant(
            seq=seq, granted=granted, window_start=start, window_end=end, remaining=remaining, used=used, reason=reason,
            eased=eased, spent=spent, held=held, current=current, before=before,
        )  # fmt: skip


class NeedRecall(NamedTuple):
    """Not enough is left, but these workers hold some of it: recall it from them, then ask again with ``recalled``."""

    workers: tuple[str, ...]
    nodes: tuple[str, ...] = ()
    """Other nodes that hold some of it."""
    scopes: tuple[str, ...] = ()
    """Further counters to recall (``Limit.over``)."""
    notice: float | None = None
    """There is enough left, but it is more than the worker's even share of the window that starts then: the others have to hear of
    it (``told``), who would else use theirs while control is away; then ask again."""
