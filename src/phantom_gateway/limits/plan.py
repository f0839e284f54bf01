"""What stands behind a key's limits, worked out once instead of per request.

A key has the same limits from one request to the next, and each finds the same slice as long as its window lasts. A ``Plan``
holds those slices sorted by kind; reserving, charging and settling then walk four short lists, so that a further limit costs a
comparison and two additions. The book drops a plan as soon as one of its slices is no longer the one to use.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from phantom_gateway.limits.slices import NEVER, Registry, Reservation, Slice
from phantom_gateway.spine.messages import Limit, Spend

_tuple = tuple.__new__
"""Makes a named tuple without the Python call of its own constructor."""


class Plan:
    """The slices of one tuple of limits, in their order and by kind."""

    __slots__ = ("_charges", "budgets", "end", "limits", "requests", "slices", "slots", "tokens")

    def __init__(self, limits: tuple[Limit, ...], slices: list[Slice]) -> None:
        """No slice may occur twice."""
        self.limits = limits
        self.slices = slices
        self.end = min([piece.end for piece in slices], default=NEVER)
        """From when on it is of no use: the end of the first window."""
        self.budgets = [piece for piece in slices if piece.kind == "budget"]
        self.tokens = [(piece, piece.limit.amount) for piece in slices if piece.kind == "tokens"]
        self.requests = [piece for piece in slices if piece.kind == "requests"]
        self.slots = [piece for piece in slices if piece.kind == "parallel"]
        self._charges = [(piece.limit.scope, piece.start) for piece in self.budgets]

    def take(self, tokens: int, cost: int, now: float) -> bool:
        """Reserve in every slice, all or nothing: one request, one slot, ``tokens`` at most the limit, ``cost``."""
        if now >= self.end:
            return False
        for piece in self.budgets:
            if piece.free < cost:
                return False
        for piece, most in self.tokens:
            if piece.free < (tokens if tokens < most else most):  # noqa: FURB136  a call of min costs more than all the rest
                return False
        for piece in self.requests:
            if piece.free < 1:
                return False
        for piece in self.slots:
            if piece.free < 1:
                return False
        self._take(tokens, cost, now)
        return True

    def _take(self, tokens: int, cost: int, now: float) -> None:
        for piece in self.budgets:
            piece.free -= cost
            piece.reserved += cost
            piece.touched = now
        for piece, most in self.tokens:
            amount = tokens if tokens < most else most  # noqa: FURB136
            piece.free -= amount
            piece.reserved += amount
            piece.touched = now
        for piece in self.requests:
            piece.free -= 1
            piece.reserved += 1
            piece.touched = now
        for piece in self.slots:
            piece.free -= 1
            piece.reserved += 1
            piece.touched = now

    def amounts(self, tokens: int, cost: int) -> list[int]:
        """What ``take`` took, in the order of ``slices``."""
        return amounts_for([piece.limit for piece in self.slices], tokens, cost)

    def charges(self, cost: int) -> tuple[Spend, ...]:
        """``cost`` for every budget."""
        return tuple([_tuple(Spend, (scope, start, cost)) for scope, start in self._charges])


class PlannedReservation(Reservation):
    """A reservation that was taken by a plan."""

    __slots__ = ("_cost", "_plan", "_tokens")

    def __init__(self, plan: Plan, tokens: int, cost: int, registry: Registry, owner: object, expires: float) -> None:
        self.slices = plan.slices
        self._registry = registry
        self.owner = owner
        self.expires = expires
        self.open = True
        self._plan = plan
        self._tokens = tokens
        self._cost = cost
        registry.add(self)

    def reserved(self) -> tuple[Spend, ...]:
        """The budget reservations, for ``Opened.reserved``."""
        return self._plan.charges(self._cost)

    def spends(self, cost: int) -> tuple[Spend, ...]:
        """What ``settle(cost=cost)`` will charge, for ``Closed.spends``; the window is that of the reservation."""
        return self._plan.charges(cost)

    def settle(self, tokens: int = 0, cost: int = 0) -> None:
        """The request is over and used this much; one request is used up, slots become free. Later calls do nothing."""
        if not self.open:
            return
        self.open = False
        self._registry.discard(self)
        plan, reserved = self._plan, self._cost
        back = reserved - cost
        for piece in plan.budgets:
            piece.reserved -= reserved
            piece.free += back
            if piece.free < 0:
                self._registry.debtors.append(piece)
        reserved = self._tokens
        for piece, most in plan.tokens:
            amount = reserved if reserved < most else most  # noqa: FURB136
            piece.reserved -= amount
            piece.free += amount - tokens
            if piece.free < 0:
                self._registry.debtors.append(piece)
        for piece in plan.requests:
            piece.reserved -= 1
        for piece in plan.slots:
            piece.reserved -= 1
            piece.free += 1

    def _pairs(self) -> Iterable[tuple[Slice, int]]:
        return zip(self.slices, self._plan.amounts(self._tokens, self._cost), strict=True)


def amounts_for(limits: Sequence[Limit], tokens: int, cost: int) -> list[int]:
    """What one request reserves of each limit: 1 request, 1 slot, ``tokens``, ``cost`` nano-dollars.

    A token limit smaller than ``tokens`` is reserved whole: an empty window always admits one request, and what it really
    used is settled afterwards.
    """
    return [
        cost if limit.kind == "budget" else min(tokens, limit.amount) if limit.kind == "tokens" else 1
        for limit in limits
    ]
