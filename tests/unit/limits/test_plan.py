from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.limits.plan import Plan, PlannedReservation, amounts_for
from phantom_gateway.limits.slices import Registry, Reservation, Slice
from phantom_gateway.spine.messages import Limit, LimitKind, Spend

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
