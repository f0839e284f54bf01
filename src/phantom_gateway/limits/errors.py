"""What a limit can answer instead of yes."""

from __future__ import annotations

from phantom_gateway.limits.windows import admitted_at
from phantom_gateway.spine.messages import LeaseGrant, Limit

RETURN_SECONDS = 0.6
"""Within which workers give back what they have not used of a window that is over (``LeaseBook.idle``)."""


class LimiterError(Exception):
    """Base of all."""


class LimitExceeded(LimiterError):
    """The limit is used up. ``grant`` is the authority's refusal: ``used``, ``remaining`` and the window's bounds."""

    def __init__(
        self, limit: Limit, grant: LeaseGrant, *, amount: int = 1, reserved: int = 0, free: int = 0, alone: bool = False
    ) -> None:
        """``amount`` was asked for; ``reserved`` and ``free`` are what this worker holds of the limit.

        ``alone``: the authority is away, and this worker remembers no window but the present one.
        """
        super().__init__(f"{limit.kind} limit of {limit.entity} exceeded")
        self.limit = limit
        self.grant = grant
        self.frees_at = 0.0
        """Unix seconds at which the same request is admitted, if nothing else happens; 0 = nobody knows, or never."""
        end = grant.window_end
        if end and amount <= limit.amount:
            self.frees_at = end
            if limit.kind in ("requests", "tokens") and not alone:
                kept = grant.current - free
                at = admitted_at(limit.amount - amount, kept, grant.before, (grant.window_start, end))
                self.frees_at = at + RETURN_SECONDS
        settled = grant.spent + max(grant.held - reserved - free, 0)
        self.spent = min(settled, grant.used)
        """Of a budget: nano-dollars of requests that are over."""
        self.reserved = max(grant.used - self.spent - max(free, 0), 0)
        """Of a budget: nano-dollars that requests under way may still cost."""


class LimiterUnavailable(LimiterError):
    """Nobody can say whether the budget allows it (control is away or recovering): answer 503, call no upstream."""


class TruthUnavailable(LimiterError):
    """The database cannot say what is spent, or which nodes live."""
