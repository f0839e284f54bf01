"""What stands behind a key's limits, worked out once instead of per request.

A key has the same limits from one request to the next, and each finds the same slice as long as its window lasts. A ``Plan``
holds those slices sorted by kind. The book drops a plan as soon as one of its slices is no longer the one to use.

Of slices that are far from their limit a busy plan takes units for several requests at once, its *stock*: then a request costs
four subtractions, however many limits there are. What is in stock counts as reserved in its slices until the stock is given up:
when it is used up or too old, when a slice is recalled or refused, when its window ends. Slices near their limit are
never part of it: they are looked at one by one, for each request.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from phantom_gateway.limits.slices import NEVER, Registry, Reservation, Slice
from phantom_gateway.spine.messages import Limit, Spend, packed_window, packed_windows

STOCK_SECONDS = 60.0
"""How long a stock is kept."""
SELDOM_SECONDS = 20.0
"""Who has not come for so long gets no stock."""
CROWDED_SECONDS = 5.0
"""Who had several requests under way gets no slot in the stock for so long."""
SMALLEST_STOCK = 8
LARGEST_STOCK = 128
"""Requests a stock is for: twice as many as the one before when that was used up before its time."""
PLENTY = 50
"""A limit is far when this many stocks are left of it."""
FEWEST = 6
"""Slices for which a stock is worth its while."""
LATER = 1
"""After so many requests of one who comes seldom it is thought of again."""
NEVER_COUNTED = 1 << 62
MAX_STOCKED = 10_000
"""Plans with a stock."""

_NOTHING: tuple[Sequence[Slice], ...] = (), (), (), ()
_pack = msgspec.msgpack.Encoder().encode
_Raw = msgspec.Raw
_tuple = tuple.__new__
"""Makes a named tuple without the Python call of its own constructor."""


class Habit(NamedTuple):
    """How a plan was used, for the one that follows it when a window is over."""

    touched: float
    crowded: float
    appetite: int


class Stocked(dict["Plan", None]):
    """The plans that have a stock, the oldest stock first, and whom to tell of debts."""

    __slots__ = ("debtors",)

    def __init__(self, debtors: list[Slice] | None = None) -> None:
        super().__init__()
        self.debtors: list[Slice] = [] if debtors is None else debtors


class Plan:
    """The slices of one tuple of limits, in their order and by kind."""

    __slots__ = (
        "_all", "_appetite", "_crowded", "_pooled", "_since", "_worthwhile", "budgets", "count", "done", "end", "least",
        "limits", "money", "parts", "requests", "slices", "slot", "slots", "spent", "stocked", "stocks", "tokens", "touched",
        "units", "until", "used", "view",
    )  # fmt: skip

    def __init__(
        self,
        limits: tuple[Limit, ...],
        slices: list[Slice],
        stocks: Stocked | None = None,
        habit: Habit | None = None,
    ) -> None:
        """No slice may occur twice."""
        self.limits = limits
        self.slices = slices
        self.stocks = Stocked() if stocks is None else stocks
        self.end = min([piece.end for piece in slices], default=NEVER)
        """From when on it is of no use: the end of the first window."""
        self.budgets = [piece for piece in slices if piece.kind == "budget"]
        self.tokens = [piece for piece in slices if piece.kind == "tokens"]
        self.requests = [piece for piece in slices if piece.kind == "requests"]
        """Those that each request looks at by itself."""
        self.slots = [piece for piece in slices if piece.kind == "parallel"]
        self._worthwhile = len(self.budgets) + len(self.tokens) + len(self.requests) >= FEWEST
        self._all = self.budgets, self.tokens, self.requests, self.slots
        self._pooled = _NOTHING
        self.least: float = min([piece.limit.amount for piece in self.tokens], default=math.inf)
        """The smallest limit of tokens: of it a larger request reserves less than of others."""
        self.stocked = False
        self.money: float = math.inf
        self.units: float = math.inf
        self.slot: float = math.inf
        self.count = 1 if self._worthwhile else NEVER_COUNTED
        """What is in stock: nano-dollars, tokens, a slot, requests. Without a stock: after how many requests to think of one."""
        self.until = self.end
        self.touched = -math.inf
        self._since = 0.0
        self._crowded = -math.inf
        self._appetite = SMALLEST_STOCK
        if habit is not None and self._worthwhile:
            self.touched, self._crowded, self._appetite = habit
            self.count = 0
        self.spent = self.used = self.done = 0
        """Out of what was in stock: nano-dollars, tokens, requests."""
        self.parts: list[bytes] = []
        """What ``pack`` gives, once somebody has asked for it."""
        self.view: Any = None
        """What whoever shows the limits has worked out, as long as the stock is there."""

    def take(self, tokens: int, cost: int, now: float) -> bool:
        """Reserve in every slice, all or nothing: one request, one slot, ``tokens`` at most the limit, ``cost``."""
        if (
            cost > self.money
            or tokens > self.units
            or self.count < 1
            or self.slot < 1
            or now >= self.until
            or tokens > self.least
        ):
            if now >= self.end:
                return False
            self._restock(tokens, cost, now)
        for piece in self.budgets:
            if piece.free < cost:
                return False
        for piece in self.tokens:
            most = piece.limit.amount
            if piece.free < (tokens if tokens < most else most):  # noqa: FURB136  a call of min costs more than all the rest
                return False
        for piece in self.requests:
            if piece.free < 1:
                return False
        for piece in self.slots:
            if piece.free < 1:
                return False
        self.money -= cost
        self.units -= tokens
        self.count -= 1
        self.slot -= 1
        self.touched = now
        for piece in self.slots:
            piece.free -= 1
            piece.reserved += 1
            piece.touched = now
        if self.budgets or self.tokens or self.requests:
            self._take(tokens, cost, now)
        return True

    def _take(self, tokens: int, cost: int, now: float) -> None:
        for piece in self.budgets:
            piece.free -= cost
            piece.reserved += cost
            piece.touched = now
        for piece in self.tokens:
            most = piece.limit.amount
            amount = tokens if tokens < most else most  # noqa: FURB136
            piece.free -= amount
            piece.reserved += amount
            piece.touched = now
        for piece in self.requests:
            piece.free -= 1
            piece.reserved += 1
            piece.touched = now

    # --- the stock ----------------------------------------------------------------------------------------------------

    @property
    def kinds(self) -> tuple[list[Slice], list[Slice], list[Slice]]:
        """All slices of requests, of tokens, and of budgets."""
        return self._all[2], self._all[1], self._all[0]

    def habit(self) -> Habit:
        """What a plan of the same limits should know of this one."""
        return Habit(self.touched, self._crowded, self._appetite)

    def pooled(self) -> set[Slice]:
        """The slices that the stock is of."""
        return {piece for pieces in self._pooled for piece in pieces}

    def unstock(self) -> bool:
        """Give up the stock; whether there was one."""
        if not self.stocked:
            return False
        self.stocked = False
        self.view = None
        self.stocks.pop(self, None)
        for pieces, left, gone in zip(self._pooled, *self._stand(), strict=True):
            if pieces:
                self._return(pieces, int(left), gone)
        self.budgets, self.tokens, self.requests, self.slots = self._all
        self._pooled = _NOTHING
        self.money = self.units = self.slot = math.inf
        self.count = 0
        self.spent = self.used = self.done = 0
        return True

    def _stand(self) -> tuple[tuple[float, ...], tuple[int, ...]]:
        """What is left of the stock, and what is used of it, by kind."""
        return (self.money, self.units, self.count, self.slot), (self.spent, self.used, self.done, 0)

    def _return(self, pieces: Sequence[Slice], left: int, gone: int) -> None:
        """``left`` of the stock is free again, ``gone`` is used."""
        for piece in pieces:
            piece.free += left
            piece.reserved -= left + gone
            if piece.touched < self.touched:
                piece.touched = self.touched
            if piece.free < 0:
                self.stocks.debtors.append(piece)

    def _restock(self, tokens: int, cost: int, now: float) -> None:
        """Another stock, for requests like this one, if they come one after the other."""
        if not self._worthwhile:
            self.count = NEVER_COUNTED
            return
        if now - self.touched >= SELDOM_SECONDS or tokens > self.least:
            self.unstock()
            self.count = LATER
            self.until = min(self.end, now + SELDOM_SECONDS)
            return
        if self.stocked:
            fast = now - self._since < STOCK_SECONDS * 0.75
            self._appetite = (
                min(self._appetite * 2, LARGEST_STOCK) if fast else max(self._appetite // 2, SMALLEST_STOCK)
            )
        elif len(self.stocks) >= MAX_STOCKED:
            self.count = LATER
            return
        self._stock(tokens, cost, now)

    def _stock(self, tokens: int, cost: int, now: float) -> None:
        """Fill up what there is of a stock, for as many requests as it was used for lately."""
        count = self._appetite
        left, gone = self._stand()
        # Who has several requests under way looks for slots each time: leases are for just as many as there were.
        if self.slot < 1:
            self._crowded = now
        slots = 1 if now - self._crowded > CROWDED_SECONDS else NEVER
        needs: tuple[float, ...] = cost * count, tokens * count, count, slots
        far: list[list[Slice]] = []
        near: list[list[Slice]] = []
        for number, pieces in enumerate((self.budgets, self.tokens, self.requests, self.slots)):
            found: tuple[list[Slice], list[Slice]] = [], []
            old = self._pooled[number]
            if old:
                self._fill(old, found, (int(left[number]), gone[number]), needs[number], now)
            if pieces:
                self._fill(pieces, found, (0, 0), needs[number], now)
            far.append(found[0])
            near.append(found[1])
        self._pooled = tuple(far)
        self.budgets, self.tokens, self.requests, self.slots = near
        self.money = needs[0] if far[0] else math.inf
        self.units = needs[1] if far[1] else math.inf
        self.slot = 1 if far[3] else math.inf
        self.spent = self.used = self.done = 0
        self.count = count
        self.until = min(self.end, now + STOCK_SECONDS)
        self.view = None
        self._since = now
        self.stocks.pop(self, None)
        self.stocked = any(far)
        if self.stocked:
            self.stocks[self] = None
        if sum(map(len, near)) > sum(map(len, far)):  # less may fit
            self._appetite = max(count // 2, SMALLEST_STOCK)

    def _fill(
        self,
        pieces: Sequence[Slice],
        found: tuple[list[Slice], list[Slice]],
        before: tuple[int, int],
        need: float,
        now: float,
    ) -> None:
        """Have ``need`` of each in stock where there had been some ``left`` and some ``gone``; sorts into far and near."""
        far, near = found
        left, gone = before
        plenty = PLENTY * need
        for piece in pieces:
            free = piece.free + left
            few = need <= free if len(piece.plans) < 2 else need <= free // 2
            if few and free + piece.remaining >= plenty and not piece.limit.over:
                piece.free = free - int(need)
                piece.reserved += int(need) - left - gone
                far.append(piece)
            else:
                piece.free = free
                piece.reserved -= left + gone
                near.append(piece)
                if free < 0:
                    self.stocks.debtors.append(piece)
            piece.touched = now

    # --- for the journal ------------------------------------------------------------------------------------------------

    def amounts(self, tokens: int, cost: int) -> list[int]:
        """What ``take`` took, in the order of ``slices``."""
        return amounts_for([piece.limit for piece in self.slices], tokens, cost)

    def charges(self, cost: int) -> tuple[Spend, ...]:
        """``cost`` for every budget."""
        return tuple([_tuple(Spend, (piece.limit.scope, piece.start, cost)) for piece in self._all[0]])

    def pack(self) -> list[bytes]:
        """What stands between the amounts of these charges in the journal."""
        self.parts = packed_windows([_packed(piece) for piece in self._all[0]])
        return self.parts


class PlannedReservation(Reservation):
    """A reservation that was taken by a plan."""

    __slots__ = ("_cost", "_tokens")

    plan: Plan

    def __init__(self, plan: Plan, tokens: int, cost: int, registry: Registry, owner: object, expires: float) -> None:
        self.slices = plan.slices
        self._registry = registry
        self.owner = owner
        self.expires = expires
        self.open = True
        self.plan = plan
        self._tokens = tokens
        self._cost = cost
        registry.add(self)

    def reserved(self) -> tuple[Spend, ...]:
        """The budget reservations, for ``Opened.reserved``."""
        return self.plan.charges(self._cost)

    def packed_reserved(self) -> tuple[Spend, ...]:
        """The same as it stands in the journal, and for nothing else."""
        return _Raw(_pack(self._cost).join(self.plan.parts or self.plan.pack()))  # type: ignore[return-value]

    def spends(self, cost: int) -> tuple[Spend, ...]:
        """What ``settle(cost=cost)`` will charge, for ``Closed.spends``; the window is that of the reservation."""
        return self.plan.charges(cost)

    def packed_spends(self, cost: int) -> tuple[Spend, ...]:
        """The same as it stands in the journal, and for nothing else."""
        return _Raw(_pack(cost).join(self.plan.parts or self.plan.pack()))  # type: ignore[return-value]

    def settle(self, tokens: int = 0, cost: int = 0) -> None:
        """The request is over and used this much; one request is used up, slots become free. Later calls do nothing."""
        if not self.open:
            return
        self.open = False
        self._registry.discard(self)
        plan, reserved = self.plan, self._tokens
        if plan.stocked:
            if reserved > plan.least:
                plan.unstock()
            else:
                plan.units += reserved - tokens
                plan.money += self._cost - cost
                plan.slot += 1
                plan.used += tokens
                plan.spent += cost
                plan.done += 1
        for piece in plan.slots:
            piece.reserved -= 1
            piece.free += 1
        reserved = self._cost
        back = reserved - cost
        for piece in plan.budgets:
            piece.reserved -= reserved
            piece.free += back
            if piece.free < 0:
                self._registry.debtors.append(piece)
        reserved = self._tokens
        for piece in plan.tokens:
            most = piece.limit.amount
            amount = reserved if reserved < most else most  # noqa: FURB136
            piece.reserved -= amount
            piece.free += amount - tokens
            if piece.free < 0:
                self._registry.debtors.append(piece)
        for piece in plan.requests:
            piece.reserved -= 1
        if plan.money < 0 or plan.units < 0:
            plan.unstock()

    def release(self) -> None:
        """The request never reached an upstream: everything is free again. Later calls do nothing."""
        self.plan.unstock()
        super().release()

    def abandon(self) -> None:
        """See ``Reservation``."""
        self.plan.unstock()
        super().abandon()

    def _pairs(self) -> Iterable[tuple[Slice, int]]:
        return zip(self.slices, self.plan.amounts(self._tokens, self._cost), strict=True)


def _packed(piece: Slice) -> bytes:
    if not piece.packed:
        piece.packed = packed_window(piece.limit.scope, piece.start)
    return piece.packed


def amounts_for(limits: Sequence[Limit], tokens: int, cost: int) -> list[int]:
    """What one request reserves of each limit: 1 request, 1 slot, ``tokens``, ``cost`` nano-dollars.

    A token limit smaller than ``tokens`` is reserved whole: an empty window always admits one request, and what it really
    used is settled afterwards.
    """
    return [
        cost if limit.kind == "budget" else min(tokens, limit.amount) if limit.kind == "tokens" else 1
        for limit in limits
    ]
