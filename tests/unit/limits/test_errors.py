from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.limits.errors import LimiterError, LimiterUnavailable, LimitExceeded
from phantom_gateway.spine.messages import LeaseGrant, Limit, LimitKind


def test_an_exceeded_limit_names_itself() -> None:
    limit = Limit(scope="budget:key:k:", kind="budget", entity="key:k", amount=1, window="")
    grant = LeaseGrant(seq=1, granted=0, used=1, reason="exhausted")
    error = LimitExceeded(limit, grant)
    assert (error.limit, error.grant) == (limit, grant)
    assert str(error) == "budget limit of key:k exceeded"
    assert isinstance(error, LimiterError)
    assert issubclass(LimiterUnavailable, LimiterError)


def exceeded(kind: LimitKind, most: int, grant: dict[str, Any], **held: Any) -> LimitExceeded:
    limit = Limit(scope="s", kind=kind, entity="key:k", amount=most, window="60s")
    return LimitExceeded(limit, LeaseGrant(seq=1, granted=0, window_start=60.0, window_end=120.0, **grant), **held)


@pytest.mark.parametrize(
    ("grant", "held", "expected"),
    [
        ({"used": 90}, {}, (0, 90)),
        ({"used": 90, "spent": 90}, {}, (90, 0)),
        ({"used": 90, "spent": 30, "held": 60}, {"reserved": 60}, (30, 60)),
        ({"used": 90, "spent": 30, "held": 60}, {"reserved": 20, "free": 30}, (40, 20)),
        ({"used": 90, "spent": 30, "held": 40}, {"reserved": 20, "free": 15}, (35, 40)),
        ({"used": 35, "spent": 30, "held": 5}, {"free": -3}, (35, 0)),
        ({"used": 38, "spent": 38, "held": -3}, {"free": -3}, (38, 0)),
    ],
)
def test_what_is_spent_of_a_budget_is_told_from_what_is_reserved(
    grant: dict[str, int], held: dict[str, int], expected: tuple[int, int]
) -> None:
    """Also what is settled here and not in the database yet; what others have settled since counts as reserved until then."""
    error = exceeded("budget", 100, grant, **held)
    assert (error.spent, error.reserved) == expected


def test_when_it_frees_up() -> None:
    assert exceeded("budget", 100, {"used": 90}, amount=50).frees_at == 120.0
    assert exceeded("budget", 100, {"used": 90}, amount=101).frees_at == 0.0
    assert exceeded("requests", 2, {"current": 2}).frees_at == 150.6
    assert exceeded("requests", 3, {"current": 1, "before": 2}).frees_at == 90.6
    assert exceeded("tokens", 100, {"current": 70}, amount=60, free=20).frees_at == pytest.approx(132.6)
    assert exceeded("tokens", 100, {"current": 100}, amount=100).frees_at == 180.6
    assert exceeded("requests", 0, {}).frees_at == 0.0
