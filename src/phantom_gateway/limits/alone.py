"""What a worker says while it can ask nobody."""

from __future__ import annotations

from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.shares import Shares
from phantom_gateway.limits.slices import NEVER, Slice
from phantom_gateway.spine.messages import LeaseGrant, Limit


class Alone:
    """Refuses in the words that this worker can answer for."""

    def __init__(self, shares: Shares) -> None:
        self._shares = shares

    def refusal(self, limit: Limit, piece: Slice | None, amount: int, reason: Exception) -> Exception:
        """For a request that wants ``amount`` more than there is; ``piece`` is what this worker has, ``None`` for budgets.

        That a limit is reached is said only by who was there since its window began: others know nothing of what is left of it.
        """
        if piece is None or not self._shares.knows(limit, piece.start):
            return LimiterUnavailable(str(reason) or type(reason).__name__)
        end = 0.0 if piece.end == NEVER else piece.end
        grant = LeaseGrant(
            seq=0, granted=0, window_start=piece.start, window_end=end, used=piece.granted, reason="exhausted"
        )
        return LimitExceeded(limit, grant, amount=amount, alone=True)
