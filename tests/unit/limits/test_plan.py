from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phantom_gateway.limits import plan as plans
from phantom_gateway.limits.plan import Plan, PlannedReservation, amounts_for
from phantom_gateway.limits.slices import Registry, Reservation, Slice
from phantom_gateway.spine.messages import Limit, LimitKind, Over, Spend

KINDS: list[LimitKind] = ["requests", "tokens", "parallel", "budget"]
NOW = 70.0

pieces = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(-5, 60), st.integers(1, 60)), max_size=8)


def slices_of(drawn: list[tuple[LimitKind, int, int]]) -> list[Slice]:
    made = []
    for index, (kind, free, amount) in enumerate(drawn):
        limit = Limit(scope=f"{kind}:key:k{index}:60s", kind=kind, entity="key:k", amount=amount)
        made.append(Slice(limit, 60.0, 120.0 + index, NOW))
        made[-1].credit(free)
    return made


def state(slices: list[Slice]) -> list[tuple[int, int, int]]:
    return [(piece.free, piece.reserved, piece.granted) for piece in slices]


def one_by_one(slices: list[Slice], tokens: int, cost: int) -> Reservation | None:
    """The rule, spelt out."""
    amounts = amounts_for([piece.limit for piece in slices], tokens, cost)
    if any(piece.free < amount for piece, amount in zip(slices, amounts, strict=True)):
        return None
    for piece, amount in zip(slices, amounts, strict=True):
        piece.free -= amount
        piece.reserved += amount
    return Reservation(slices, amounts, Registry(), None, 99.0)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(pieces, st.integers(0, 60), st.integers(0, 60), st.integers(0, 90), st.integers(0, 90), st.integers(0, 2))
def test_a_plan_does_what_its_limits_do_one_by_one(
    drawn: list[tuple[LimitKind, int, int]], tokens: int, cost: int, used: int, charged: int, end: int
) -> None:
    plain, planned = slices_of(drawn), slices_of(drawn)
    plan = Plan(tuple(piece.limit for piece in planned), planned)
    expected = one_by_one(plain, tokens, cost)
    assert plan.take(tokens, cost, NOW) is (expected is not None)
    assert state(planned) == state(plain)
    if expected is None:
        return
    registry = Registry()
    reservation = PlannedReservation(plan, tokens, cost, registry, "owner", 99.0)
    assert registry == {reservation}
    assert reservation.reserved() == expected.reserved()
    assert reservation.spends(charged) == expected.spends(charged)
    for each in (reservation, expected) * 2:
        if end == 0:
            each.settle(used, charged)
        elif end == 1:
            each.release()
        else:
            each.abandon()
    assert state(planned) == state(plain)
    assert not registry
    assert not reservation.open


@contextmanager
def greedy(fewest: int = 1) -> Iterator[None]:
    """Stocks of everything, however near its limit it is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "PLENTY", 0)
        patch.setattr(plans, "FEWEST", fewest)
        patch.setattr(plans, "SMALLEST_STOCK", 2)
        yield


class Pair:
    """The same slices twice: looked at one by one, and by a plan with stocks."""

    def __init__(self, drawn: list[tuple[LimitKind, int, int]]) -> None:
        self.now = NOW
        self.plain, self.planned = slices_of(drawn), slices_of(drawn)
        self.plan = Plan(tuple(piece.limit for piece in self.planned), self.planned)
        self.plan._appetite = 2
        self.open: list[tuple[Reservation, PlannedReservation]] = []
        self.registry = Registry()

    def take(self, tokens: int, cost: int) -> None:
        expected = one_by_one(self.plain, tokens, cost)
        assert self.plan.take(tokens, cost, self.now) is (expected is not None)
        if expected is not None:
            made = PlannedReservation(self.plan, tokens, cost, self.registry, None, 99.0)
            self.open.append((expected, made))

    def end(self, which: int, how: int, used: int, charged: int) -> None:
        if self.open:
            for each in self.open.pop(which % len(self.open)):
                if how == 0:
                    each.release()
                elif how == 1:
                    each.abandon()
                else:
                    each.settle(used, charged)

    def compare(self) -> None:
        debts = {piece.limit.scope for piece in self.plan.stocks.debtors + self.registry.debtors}
        self.plan.unstock()
        assert state(self.planned) == state(self.plain)
        assert debts | {piece.limit.scope for piece in self.plan.stocks.debtors} >= {
            piece.limit.scope for piece in self.plain if piece.free < 0 <= piece.granted
        }


steps = st.lists(
    st.one_of(
        st.tuples(st.just("take"), st.integers(0, 20), st.integers(0, 20)),
        st.tuples(st.just("end"), st.integers(0, 5), st.integers(0, 9), st.integers(0, 25), st.integers(0, 25)),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 1.5, 3.0, 6.0])),
        st.tuples(st.just("unstock")),
    ),
    min_size=10,
    max_size=60,
)
plenty = st.lists(st.tuples(st.sampled_from(KINDS), st.integers(20, 900), st.integers(5, 400)), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plenty, steps)
def test_a_stock_changes_neither_what_is_admitted_nor_what_is_left(
    drawn: list[tuple[LimitKind, int, int]], steps: list[tuple[object, ...]]
) -> None:
    with greedy():
        pair = Pair(drawn)
        for name, *values in steps:
            numbers = [value for value in values if isinstance(value, int)]
            if name == "take":
                pair.take(*numbers)
            elif name == "end":
                pair.end(*numbers)
            elif name == "wait":
                pair.now = min(pair.now + float(str(values[0])), 119.0)
            else:
                pair.plan.unstock()
        pair.compare()


def busy(count: int = 8, free: int = 10_000) -> tuple[Plan, list[Slice]]:
    """A plan that has a stock."""
    slices = slices_of([(kind, free, 10**9) for kind in KINDS for _ in range(count // 4)])
    for piece in slices:
        piece.remaining = 10**9
    plan = Plan(tuple(piece.limit for piece in slices), slices)
    assert plan.take(10, 20, NOW)
    assert plan.take(10, 20, NOW)
    return plan, slices


def test_a_stock_serves_several_requests_and_counts_as_reserved() -> None:
    plan, slices = busy()
    assert plan.stocked
    assert plan.pooled() == set(slices)
    before = state(slices)
    assert before[0] == (10_000 - 1 - plans.SMALLEST_STOCK, 1 + plans.SMALLEST_STOCK, 10_000)
    PlannedReservation(plan, 10, 20, Registry(), None, 99.0).settle(10, 20)
    assert plan.take(10, 20, NOW)
    assert state(slices) == before
    assert plan.unstock()
    assert not plan.unstock()
    assert state(slices)[0] == (10_000 - 3, 2, 10_000), "of three requests one is over"


def test_who_has_several_requests_under_way_looks_for_slots_each_time() -> None:
    plan, slices = busy()
    slots = {piece for piece in slices if piece.kind == "parallel"}
    assert slots <= plan.pooled()
    assert plan.take(10, 20, NOW)
    assert plan.stocked
    assert not slots & plan.pooled()
    assert [(piece.free, piece.reserved) for piece in slots] == [(9_997, 3), (9_997, 3)]
    later = NOW + plans.CROWDED_SECONDS * 0.9
    plan.unstock()
    assert plan.take(10, 20, later)
    assert not slots & plan.pooled()
    plan.unstock()
    assert plan.take(10, 20, later + 1)
    assert slots <= plan.pooled()


def test_a_stock_grows_while_it_is_used_up_quickly() -> None:
    plan, _ = busy(free=100_000)
    sizes = set()
    for _ in range(1_000):
        assert plan.take(1, 1, NOW)
        sizes.add(plan.count)
    assert max(sizes) == plans.LARGEST_STOCK - 1


def test_what_is_near_its_limit_is_looked_at_by_itself() -> None:
    plan, slices = busy(16)
    plan.unstock()
    slices[0].remaining = 0
    slices[0].free = plans.PLENTY * plans.SMALLEST_STOCK - 1
    assert plan.take(10, 20, NOW)
    assert plan.stocked
    assert slices[0] not in plan.pooled()
    free = slices[0].free
    assert plan.take(10, 20, NOW)
    assert slices[0].free == free - 1


def test_what_several_use_is_not_taken_whole() -> None:
    plan, slices = busy(16, free=2 * plans.SMALLEST_STOCK * 20 + 100)
    plan.unstock()
    budget = slices[-1]
    budget.free = plans.SMALLEST_STOCK * 20 + 1
    budget.plans = (1, 2)
    assert plan.take(10, 20, NOW)
    assert budget not in plan.pooled()
    plan.unstock()
    budget.plans = (1,)
    budget.free = plans.SMALLEST_STOCK * 20 + 1
    assert plan.take(10, 20, NOW)
    assert budget in plan.pooled()


def test_who_comes_seldom_gets_no_stock() -> None:
    plan, _ = busy()
    plan.unstock()
    for minute in range(1, 3):
        assert plan.take(1, 1, NOW + minute * plans.SELDOM_SECONDS)
        assert not plan.stocked


def test_a_limit_that_depends_on_others_is_never_in_stock() -> None:
    over = (Over(scope="requests:model:m:60s", amount=5),)
    slices = slices_of([("requests", 10_000, 10**9)] * 8)
    for piece in slices:
        piece.remaining = 10**9
    slices[0].limit = msgspec.structs.replace(slices[0].limit, over=over)
    plan = Plan(tuple(piece.limit for piece in slices), slices)
    assert plan.take(1, 1, NOW)
    assert plan.take(1, 1, NOW)
    assert plan.pooled() == set(slices[1:])


def test_the_journal_gets_the_same_spends_packed() -> None:
    for count in (0, 1, 4, 15, 16, 40):
        slices = slices_of([("budget", 50, 50)] * count)
        plan = Plan(tuple(piece.limit for piece in slices), slices)
        for amount in (0, 7, 300, 10**12):
            reservation = PlannedReservation(plan, 0, amount, Registry(), None, 99.0)
            assert msgspec.msgpack.encode(reservation.packed_reserved()) == msgspec.msgpack.encode(plan.charges(amount))
            encoded = msgspec.msgpack.encode(reservation.packed_spends(amount))
            assert msgspec.msgpack.decode(encoded, type=tuple[Spend, ...]) == plan.charges(amount)
        assert len(plan.charges(1)) == count


def test_a_plan_ends_with_the_first_of_its_windows() -> None:
    slices = slices_of([("budget", 50, 50), ("requests", 50, 50)])
    plan = Plan(tuple(piece.limit for piece in slices), slices)
    assert plan.end == 120.0
    assert not plan.take(1, 1, 120.0)
    assert plan.take(1, 1, 119.0)
    assert {piece.touched for piece in slices} == {119.0}
    assert plan.charges(3) == (Spend("budget:key:k0:60s", 60.0, 3),)


def test_without_limits_everything_goes() -> None:
    assert Plan((), []).take(10**9, 10**9, 1e12)


def test_amounts() -> None:
    limits = [Limit(scope=kind, kind=kind, entity="key:k", amount=100) for kind in KINDS]
    assert amounts_for(limits, 30, 900) == [1, 30, 1, 900]
    assert amounts_for(limits, 3000, 900) == [1, 100, 1, 900], "an empty window always admits one"
