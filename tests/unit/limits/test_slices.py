from __future__ import annotations

import pytest

from phantom_gateway.limits.slices import Registry, Reservation, Slice, declared
from phantom_gateway.spine.messages import Limit, LimitKind, Spend


def piece(kind: LimitKind, free: int = 100) -> Slice:
    limit = Limit(scope=f"{kind}:key:k:60s", kind=kind, entity="key:k", amount=1000)
    result = Slice(limit, 60.0, 120.0, 70.0)
    result.credit(free)
    return result


def reserve(*pairs: tuple[Slice, int]) -> tuple[Reservation, set[Reservation]]:
    registry = Registry()
    for target, amount in pairs:
        target.free -= amount
        target.reserved += amount
    return Reservation([target for target, _ in pairs], [amount for _, amount in pairs], registry, "r", 99.0), registry


def test_settling_returns_what_was_not_used_exactly_once() -> None:
    requests, tokens, slots, budget = piece("requests"), piece("tokens"), piece("parallel"), piece("budget")
    reservation, registry = reserve((requests, 1), (tokens, 40), (slots, 1), (budget, 50))
    assert registry == {reservation}
    assert reservation.reserved() == (Spend("budget:key:k:60s", 60.0, 50),)
    assert reservation.spends(20) == (Spend("budget:key:k:60s", 60.0, 20),)
    for _ in range(2):
        reservation.settle(tokens=60, cost=20)
        reservation.release()
        reservation.abandon()
    assert [target.free for target in (requests, tokens, slots, budget)] == [99, 40, 100, 80]
    assert [target.reserved for target in (requests, tokens, slots, budget)] == [0, 0, 0, 0]
    assert registry == set()
    assert not reservation.open


def test_an_overrun_makes_a_debt() -> None:
    budget = piece("budget", 50)
    reservation, _ = reserve((budget, 50))
    reservation.settle(cost=70)
    assert budget.free == -20
    assert budget.take_free() == -20
    assert (budget.free, budget.granted) == (0, 70)


def test_releasing_returns_everything() -> None:
    requests, budget = piece("requests"), piece("budget")
    reservation, _ = reserve((requests, 1), (budget, 50))
    reservation.release()
    assert (requests.free, budget.free) == (100, 100)


def test_abandoned_money_stays_reserved() -> None:
    slots, budget = piece("parallel"), piece("budget")
    reservation, registry = reserve((slots, 1), (budget, 50))
    reservation.abandon()
    assert (slots.free, budget.free, budget.reserved) == (100, 50, 50)
    assert registry == set()


@pytest.mark.parametrize(("kind", "amount"), [("budget", 70), ("parallel", 70), ("requests", 100), ("tokens", 100)])
def test_what_is_declared(kind: LimitKind, amount: int) -> None:
    subject = piece(kind)
    subject.free -= 30
    lease = subject.held()
    assert lease is not None
    assert (lease.amount, lease.window_start) == (amount, 60.0)
    assert Slice(subject.limit, 0.0, 1.0, 0.0).held() is None


def test_an_old_slice_is_kept_while_a_sliding_window_looks_back() -> None:
    rate, budget = piece("requests", 0), piece("budget", 0)
    assert budget.finished(130.0)
    assert not rate.finished(130.0)
    assert rate.finished(180.0)
    budget.reserved = 1
    assert not budget.finished(1e12)


def test_what_is_owed_is_charged_and_becomes_a_debt() -> None:
    requests, budget = piece("requests"), piece("budget", 5)
    requests.free, requests.reserved, registry = 99, 1, Registry()
    reservation = Reservation([requests], [1], registry, "r", 99.0)
    reservation.owe(budget)
    assert (budget.free, budget.reserved) == (5, 0)
    assert reservation.reserved() == (Spend("budget:key:k:60s", 60.0, 0),)
    assert reservation.spends(20) == (Spend("budget:key:k:60s", 60.0, 20),)
    reservation.settle(cost=20)
    assert (budget.free, registry.debtors) == (-15, [budget])


def test_what_is_declared_of_one_window_is_one_lease() -> None:
    first, second, other, empty = piece("budget", 5), piece("budget", 7), piece("tokens", 3), piece("parallel", 0)
    found = {lease.scope: lease.amount for lease in declared([first, second, other, empty])}
    assert found == {"budget:key:k:60s": 12, "tokens:key:k:60s": 3}
