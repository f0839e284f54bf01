"""The plans of a book: found by the limits they are of, dropped with their slices, and made to give up what they have in stock."""

from __future__ import annotations

from collections.abc import Mapping

from phantom_gateway.limits.plan import Habit, Plan, Stocked
from phantom_gateway.limits.slices import Slice
from phantom_gateway.spine.messages import Limit

MAX_PLANS = 20_000
LOOKS = 250
"""So many stocks that are too old are given up in one go, and a quarter of all at most."""


class Plans(dict[int, Plan]):
    """By ``id`` of the limits, which the plan keeps alive."""

    __slots__ = ("_habits", "_slices", "_stocks")

    def __init__(self, slices: Mapping[str, Slice], debtors: list[Slice]) -> None:
        """``slices``: the living ones by scope."""
        super().__init__()
        self._slices = slices
        self._stocks = Stocked(debtors)
        self._habits: dict[int, tuple[tuple[Limit, ...], Habit]] = {}
        """How those were used that were dropped; by ``id`` of the limits, which are kept alive here."""

    def make(self, limits: tuple[Limit, ...]) -> Plan | None:
        """A new one; ``None`` when a slice is missing."""
        found = [self._slices.get(limit.scope) for limit in limits]
        slices = [
            piece
            for piece, limit in zip(found, limits, strict=True)
            if piece is not None and piece.limit.amount == limit.amount
        ]
        if len(set(slices)) < len(limits):
            return None
        if len(self) >= MAX_PLANS:
            self.unstock()
            for piece in self._slices.values():
                piece.plans = ()
            self.clear()
        known = self._habits.pop(id(limits), None)
        plan = self[id(limits)] = Plan(limits, slices, self._stocks, None if known is None else known[1])
        for piece in slices:
            piece.add_plan(id(limits))
        return plan

    def drop(self, piece: Slice) -> None:
        """Those that ``piece`` is part of are void."""
        for key in piece.plans:
            plan = self.pop(key, None)
            if plan is not None:
                plan.unstock()
                if len(self._habits) >= MAX_PLANS:
                    self._habits.clear()
                self._habits[key] = plan.limits, plan.habit()
        piece.plans = ()

    def unstock_of(self, piece: Slice) -> bool:
        """What is in stock of ``piece`` is needed elsewhere; whether there was any."""
        found = [plan for key in piece.plans if (plan := self.get(key)) is not None and plan.stocked]
        for plan in found:
            plan.unstock()
        return bool(found)

    def unstock(self) -> None:
        """Give up all stocks."""
        for plan in list(self._stocks):
            plan.unstock()

    def age(self, now: float) -> None:
        """Give up stocks that nobody has used up in time."""
        most = max(LOOKS, len(self._stocks) // 4)
        old: list[Plan] = []
        for plan in self._stocks:
            if plan.until > now or len(old) >= most:
                break
            old.append(plan)
        for plan in old:
            plan.unstock()
