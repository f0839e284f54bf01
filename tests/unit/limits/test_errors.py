from __future__ import annotations

from phantom_gateway.limits.errors import LimiterError, LimiterUnavailable, LimitExceeded
from phantom_gateway.spine.messages import LeaseGrant, Limit


def test_an_exceeded_limit_names_itself() -> None:
    limit = Limit(scope="budget:key:k:", kind="budget", entity="key:k", amount=1, window="")
    grant = LeaseGrant(seq=1, granted=0, used=1, reason="exhausted")
    error = LimitExceeded(limit, grant)
    assert (error.limit, error.grant) == (limit, grant)
    assert str(error) == "budget limit of key:k exceeded"
    assert isinstance(error, LimiterError)
    assert issubclass(LimiterUnavailable, LimiterError)
