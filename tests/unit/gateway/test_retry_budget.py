"""Retries are a bounded share of requests, exactly."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.gateway.retry_budget import PER_S, RESERVE, RETRY, SAVED, RetryBudget, share_of


def test_a_storm_of_failing_requests_makes_exactly_the_share_and_the_reserve() -> None:
    budget = RetryBudget()
    made = 0
    for _ in range(1000):
        budget.balance += share_of(0.1)
        while budget.take(0.0):
            made += 1
    assert made == RESERVE + 100


def test_the_reserve_fills_up_by_itself_and_not_further() -> None:
    budget = RetryBudget()
    assert sum(budget.take(0.0) for _ in range(50)) == RESERVE
    assert sum(budget.take(3.0) for _ in range(50)) == 3 * PER_S
    assert sum(budget.take(10_000.0) for _ in range(50)) == RESERVE


def test_a_quiet_day_saves_up_no_storm() -> None:
    budget = RetryBudget()
    budget.balance += share_of(0.1) * 1_000_000
    assert sum(budget.take(0.0) for _ in range(1000)) == SAVED + RESERVE


def test_asking_whether_takes_nothing() -> None:
    budget = RetryBudget()
    assert all(budget.may(0.0) for _ in range(50))
    assert sum(budget.take(0.0) for _ in range(50)) == RESERVE
    assert not budget.may(0.0)


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30), st.floats(0, 5)), max_size=40),
    st.sampled_from((0.0, 0.1, 0.5)),
)
def test_never_more_than_promised(steps: list[tuple[int, int, float]], share: float) -> None:
    budget, now, requests, retries = RetryBudget(), 0.0, 0, 0
    for more, wanted, seconds in steps:
        now += seconds
        requests += more
        budget.balance += more * share_of(share)
        retries += sum(budget.take(now) for _ in range(wanted))
        assert retries * RETRY <= RESERVE * RETRY + now * PER_S * RETRY + requests * share_of(share) + 1
