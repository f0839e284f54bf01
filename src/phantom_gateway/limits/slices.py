"""What a worker holds of one limit, and the reservations that live on it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from phantom_gateway.spine.messages import HeldLease, LeaseGrant, Limit, Spend

if TYPE_CHECKING:
    from phantom_gateway.limits.plan import Plan

NEVER = math.inf
MAX_APPETITE = 1024
_FEW = 4


class Slice:
    """Units of one (scope, window) leased to this worker: ``free`` to reserve, ``reserved`` by open reservations.

    ``free`` is negative when a request used more than it had reserved; the debt is asked for with the next lease.
    """

    __slots__ = (
        "appetite",
        "asked",
        "end",
        "free",
        "granted",
        "kind",
        "limit",
        "packed",
        "plans",
        "remaining",
        "reserved",
        "shown",
        "start",
        "touched",
        "used",
    )

    def __init__(self, limit: Limit, start: float, end: float, now: float) -> None:
        self.limit = limit
        self.kind = limit.kind
        self.start = start
        self.end = end
        self.free = 0
        self.reserved = 0
        self.granted = 0
        """Units got less units given back, used or not: what the authority counts for sliding windows."""
        self.touched = now
        self.appetite = 1
        """Doubles while the slice runs dry within a second, so that a busy key asks about once a second."""
        self.asked = 0.0
        self.remaining = 0
        """What the authority had left at its last answer."""
        self.used = 0
        self.shown = b""
        """What a response header says of ``limit``, rendered by whoever shows it; empty when it must be rendered anew."""
        self.packed = b""
        """The head of its ``Spend`` as it is written, once somebody has worked it out."""
        self.plans: tuple[int, ...] | set[int] = ()
        """Keys of the plans made of it, for the book to drop them with it. Most slices are part of one or two plans."""

    def add_plan(self, key: int) -> None:
        plans = self.plans
        if isinstance(plans, set):
            plans.add(key)
        elif key not in plans:
            self.plans = (*plans, key) if len(plans) < _FEW else {*plans, key}

    def credit(self, amount: int) -> None:
        self.free += amount
        self.granted += amount

    def take_free(self) -> int:
        """Give up the free part, or report a debt (negative)."""
        amount = self.free
        self.free = 0
        self.granted -= amount
        return amount

    def note(self, grant: LeaseGrant, now: float) -> None:
        self.appetite = min(self.appetite * 2, MAX_APPETITE) if now - self.asked < 1.0 else max(self.appetite // 2, 1)
        self.asked = now
        self.remaining = grant.remaining
        self.used = grant.used

    def held(self) -> HeldLease | None:
        """As declared to a control that may have forgotten it."""
        sliding = self.limit.kind in ("requests", "tokens")
        amount = self.granted if sliding else self.free + self.reserved
        if not amount:
            return None
        return HeldLease(scope=self.limit.scope, window_start=self.start, amount=amount, limit=self.limit)

    def finished(self, now: float) -> bool:
        """Whether an old slice is of no more use: nothing reserved, and no sliding window looks back at it."""
        if self.reserved or self.free:
            return False
        return self.limit.kind in ("budget", "parallel") or now >= 2 * self.end - self.start


def declared(pieces: Iterable[Slice]) -> tuple[HeldLease, ...]:
    """What is held of all of them, once for each window: those leased under another limit together with the present one."""
    merged: dict[tuple[str, float], HeldLease] = {}
    for piece in pieces:
        lease = piece.held()
        if lease is None:
            continue
        key = (lease.scope, lease.window_start)
        if key in merged:
            amount = merged[key].amount + lease.amount
            lease = HeldLease(scope=lease.scope, window_start=lease.window_start, amount=amount, limit=lease.limit)
        merged[key] = lease
    return tuple(merged.values())


class Registry(set["Reservation"]):
    """The open reservations of a book."""

    __slots__ = ("debtors",)

    def __init__(self) -> None:
        super().__init__()
        self.debtors: list[Slice] = []
        """Slices of which more was used than was free; to be reported."""


class Reservation:
    """What one request holds of its limits, from admission until exactly one of ``settle``, ``release``, ``abandon``.

    The owner keeps the order: journal ``Closed`` first, then ``settle``. If the ``Closed`` cannot be written, ``abandon``.
    """

    __slots__ = ("_amounts", "_registry", "expires", "open", "owner", "plan", "slices")

    plan: Plan | None
    """The plan that took it; it then knows more of how the limits stand."""

    def __init__(
        self, slices: list[Slice], amounts: Sequence[int], registry: Registry, owner: object, expires: float
    ) -> None:
        self.slices = slices
        self.plan = None
        self._amounts = amounts
        self._registry = registry
        self.owner = owner
        """Whatever identifies the request to whoever handles an overdue reservation."""
        self.expires = expires
        self.open = True
        registry.add(self)

    def owe(self, piece: Slice) -> None:
        """Charge a budget, too, of which nothing is reserved: all that is settled of it is a debt."""
        self.slices = [*self.slices, piece]
        self._amounts = [*self._amounts, 0]

    def reserved(self) -> tuple[Spend, ...]:
        """The budget reservations, for ``Opened.reserved``."""
        pairs = self._pairs()
        return tuple([Spend(each.limit.scope, each.start, amount) for each, amount in pairs if each.kind == "budget"])

    def spends(self, cost: int) -> tuple[Spend, ...]:
        """What ``settle(cost=cost)`` will charge, for ``Closed.spends``; the window is that of the reservation."""
        return tuple([Spend(each.limit.scope, each.start, cost) for each in self.slices if each.kind == "budget"])

    def packed_reserved(self) -> tuple[Spend, ...]:
        """The same for nothing but the journal."""
        return self.reserved()

    def packed_spends(self, cost: int) -> tuple[Spend, ...]:
        """``spends`` for nothing but the journal."""
        return self.spends(cost)

    def settle(self, tokens: int = 0, cost: int = 0) -> None:
        """The request is over and used this much; one request is used up, slots become free. Later calls do nothing."""
        if not self.open:
            return
        self.open = False
        self._registry.discard(self)
        for piece, amount in self._pairs():
            kind = piece.kind
            if kind == "budget":
                back = amount - cost
            elif kind == "tokens":
                back = amount - tokens
            elif kind == "parallel":
                back = amount
            else:
                back = 0
            piece.reserved -= amount
            piece.free += back
            if piece.free < 0:
                self._registry.debtors.append(piece)

    def release(self) -> None:
        """The request never reached an upstream: everything is free again. Later calls do nothing."""
        if not self._close():
            return
        for piece, amount in self._pairs():
            piece.reserved -= amount
            piece.free += amount

    def abandon(self) -> None:
        """The ``Closed`` could not be written: slots and tokens are settled, but the money stays reserved.

        The journal still has the ``Opened``; recovery bills it when this process has ended, against this very reservation.
        """
        if not self._close():
            return
        for piece, amount in self._pairs():
            if piece.limit.kind == "budget":
                continue
            piece.reserved -= amount
            if piece.limit.kind == "parallel":
                piece.free += amount

    def _pairs(self) -> Iterable[tuple[Slice, int]]:
        """Every slice with what is reserved of it."""
        return zip(self.slices, self._amounts, strict=True)

    def _close(self) -> bool:
        if not self.open:
            return False
        self.open = False
        self._registry.discard(self)
        return True
