"""What the attempts of one request reserve of where they go (``aside``), until the request is closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from phantom_gateway.limits.slices import Reservation
    from phantom_gateway.spine.messages import Spend


class Beside:
    """The reservation of the present attempt, and those of attempts that failed and are billed nevertheless."""

    __slots__ = ("_lost", "_present")

    def __init__(self) -> None:
        self._present: Reservation | None = None
        self._lost: list[tuple[Reservation, int, int]] = []

    def begin(self, reservation: Reservation | None) -> None:
        """Another attempt: what the one before had reserved is free again, unless it was ``lost``."""
        if self._present is not None:
            self._present.release()
        self._present = reservation

    def failed(self) -> None:
        """The present attempt was sent and has failed without a bill: it counts as a request, and everything else is free again."""
        if self._present is not None:
            self._present.settle()
            self._present = None

    def lost(self, tokens: int, cost: int) -> None:
        """The present attempt has failed and will be billed: keep what it used."""
        if self._present is not None:
            self._lost.append((self._present, tokens, cost))
            self._present = None

    def spends(self, cost: int) -> tuple[Spend, ...]:
        """What is charged when the present attempt costs ``cost``."""
        present = () if self._present is None else self._present.spends(cost)
        return sum([reservation.spends(amount) for reservation, _, amount in self._lost], present)

    def settle(self, tokens: int, cost: int) -> None:
        """The request is closed; the present attempt used this much."""
        if self._present is not None:
            self._present.settle(tokens, cost)
        for reservation, used, amount in self._lost:
            reservation.settle(used, amount)

    def abandon(self) -> None:
        """The request cannot be recorded: see ``Reservation.abandon``."""
        if self._present is not None:
            self._present.abandon()
        for reservation, _, _ in self._lost:
            reservation.abandon()
