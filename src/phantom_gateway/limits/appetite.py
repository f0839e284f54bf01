"""How much of a limit a worker asks for: enough for a while, little where little is left."""

from __future__ import annotations

from phantom_gateway.limits.slices import Slice
from phantom_gateway.spine.messages import Limit

WANT_REQUESTS = 32
WANT_FACTOR = 8
"""Tokens and money are asked for as if this many requests like the present one followed."""
FAR = 1024
FAR_FACTOR = 4
"""So many times as much is asked for where a limit is for more than ``FAR`` such leases, for each of those who share it."""
MANY_PLANS = 64
"""At most."""


def sizes(limit: Limit, piece: Slice | None, amount: int, queued: int) -> tuple[int, int]:
    """How much of ``limit`` to ask for, at least and preferably, for one who needs ``amount`` and all who wait.

    ``piece`` is what is leased already, ``queued`` what all who wait need together. The authority never lends more than a part
    of what is left, so that the preferred size matters far from the limit only.
    """
    free = 0 if piece is None else piece.free
    need = amount - free
    if limit.kind == "parallel":
        return need, max(need, queued - free)
    want = WANT_REQUESTS if limit.kind == "requests" else WANT_FACTOR * amount
    if limit.amount > FAR * want:
        want *= FAR_FACTOR if piece is None else FAR_FACTOR * min(max(len(piece.plans), 1), MANY_PLANS)
    appetite = 1 if piece is None else piece.appetite
    return need, max(need, queued - free, want * appetite)
