from __future__ import annotations

import pytest

from phantom_gateway.limits.appetite import (
    FAR,
    FAR_FACTOR,
    MANY_PLANS,
    WANT_FACTOR,
    WANT_REQUESTS,
    sizes,
)
from phantom_gateway.limits.slices import Slice
from phantom_gateway.spine.messages import Limit, LimitKind


def limit(kind: LimitKind, amount: int) -> Limit:
    return Limit(scope=f"{kind}:key:k:60s", kind=kind, entity="key:k", amount=amount)


def piece(kind: LimitKind, amount: int, free: int, plans: int = 1, appetite: int = 1) -> Slice:
    made = Slice(limit(kind, amount), 60.0, 120.0, 70.0)
    made.credit(free)
    made.appetite = appetite
    for key in range(plans):
        made.add_plan(key)
    return made


def test_near_a_limit_some_requests_more_are_asked_for() -> None:
    assert sizes(limit("requests", 100), None, 1, 1) == (1, WANT_REQUESTS)
    assert sizes(limit("tokens", 9_000), None, 50, 50) == (50, WANT_FACTOR * 50)
    assert sizes(limit("budget", 10**5), piece("budget", 10**5, -7), 50, 900) == (57, 907)
    assert sizes(limit("budget", 10**5), piece("budget", 10**5, 20, appetite=4), 50, 90) == (30, 4 * WANT_FACTOR * 50)


def test_slots_are_asked_for_as_they_are_needed() -> None:
    assert sizes(limit("parallel", 10**9), None, 1, 1) == (1, 1)
    assert sizes(limit("parallel", 10**9), piece("parallel", 10**9, 0, plans=50), 1, 9) == (1, 9)


@pytest.mark.parametrize("kind", ["requests", "tokens", "budget"])
def test_far_from_a_limit_more_is_asked_for_and_for_all_who_share_it(kind: LimitKind) -> None:
    amount = 1 if kind == "requests" else 100
    lease = WANT_REQUESTS if kind == "requests" else WANT_FACTOR * amount
    near, far = lease * FAR, lease * FAR + 1
    assert sizes(limit(kind, near), None, amount, amount)[1] == lease
    assert sizes(limit(kind, far), None, amount, amount)[1] == lease * FAR_FACTOR
    for plans, share in ((0, 1), (1, 1), (7, 7), (MANY_PLANS * 2, MANY_PLANS)):
        found = sizes(limit(kind, far), piece(kind, far, 0, plans), amount, amount)
        assert found == (amount, lease * FAR_FACTOR * share)
