"""What this node knows of one shared counter: what each of its workers holds, and what was last heard from the database."""

from __future__ import annotations

import asyncio
import math

from phantom_gateway.limits.redis_counters import Key, Word
from phantom_gateway.spine.messages import Limit

DAY_MS = 86_400_000
GIVEN_UP_MS = DAY_MS
"""After so long a node that is silent will not come back with its journal: its reservations are released."""
SILENT_MS = 30_000
"""After so long the slots of a silent node are free."""


class Mirror:
    """One (scope, window start). The node alone knows this part, so it says it as a whole (``word``)."""

    __slots__ = (
        "end",
        "fruitless",
        "held",
        "key",
        "limit",
        "lock",
        "lost",
        "outside",
        "pause_until",
        "said",
        "said_at",
        "spent",
        "start",
        "touched",
    )

    def __init__(self, limit: Limit, bounds: tuple[float, float], now: float) -> None:
        self.limit = limit
        self.start, self.end = bounds
        self.key: Key = (limit.scope, self.start)
        self.held: dict[str, int] = {}
        self.lost = 0
        """Requests and tokens that workers used which are gone."""
        self.outside = 0
        """What open requests of this node may cost that hold nothing of it."""
        self.spent: tuple[int, int] | None = None
        """(nano-dollars, version)"""
        self.lock = asyncio.Lock()
        """Held while a word about this counter is on its way."""
        self.said: int | None = None
        """The amount last confirmed in this epoch."""
        self.said_at = 0.0
        self.fruitless = 0
        self.pause_until = 0.0
        self.touched = now

    @property
    def amount(self) -> int:
        """What the node holds."""
        return self.lost + self.outside + sum([held for held in self.held.values() if held > 0])

    @property
    def slides(self) -> bool:
        """Whether the window before counts too."""
        return self.limit.kind in ("requests", "tokens") and self.end != math.inf

    @property
    def dead_ms(self) -> int:
        """After which silence of another node its word counts no more; 0: never."""
        return {"budget": GIVEN_UP_MS, "parallel": SILENT_MS}.get(self.limit.kind, 0)

    @property
    def ttl_ms(self) -> int:
        """How long Redis keeps the counter after the last word."""
        if self.slides:
            return int((self.end - self.start) * 2000) + 60_000
        return SILENT_MS * 10 if self.limit.kind == "parallel" else DAY_MS + GIVEN_UP_MS

    def word(self) -> Word:
        """As it is now."""
        return Word(key=self.key, amount=self.amount, spent=self.spent, ttl_ms=self.ttl_ms)

    def learn(self, spent: tuple[int, int]) -> None:
        """Take over a reading of the database, unless a newer one is known."""
        if self.spent is None or spent[1] > self.spent[1]:
            self.spent = spent

    def confirmed(self, amount: int, now: float) -> None:
        """Redis has this amount."""
        self.said, self.said_at = amount, now

    def gone(self, worker: str) -> bool:
        """``worker`` is dead and finished; whether it held anything."""
        held = self.held.pop(worker, 0)
        if self.limit.kind in ("requests", "tokens"):
            self.lost += max(held, 0)
        return held != 0

    def idle(self, now: float, after: float) -> bool:
        """Whether nobody needs it any more."""
        if self.slides:
            return now >= 2 * self.end - self.start
        return (
            not self.outside and not any(self.held.values()) and self.said in (0, None) and now - self.touched >= after
        )
