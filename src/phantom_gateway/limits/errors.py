"""What a limit can answer instead of yes."""

from __future__ import annotations

from phantom_gateway.spine.messages import LeaseGrant, Limit


class LimiterError(Exception):
    """Base of all."""


class LimitExceeded(LimiterError):
    """The limit is used up. ``grant`` is the authority's refusal: ``used``, ``remaining`` and the window's bounds."""

    def __init__(self, limit: Limit, grant: LeaseGrant) -> None:
        super().__init__(f"{limit.kind} limit of {limit.entity} exceeded")
        self.limit = limit
        self.grant = grant


class LimiterUnavailable(LimiterError):
    """Nobody can say whether the budget allows it (control is away or recovering): answer 503, call no upstream."""


class TruthUnavailable(LimiterError):
    """The database cannot say what is spent, or which nodes live."""
