from __future__ import annotations

import pytest
from tests.unit.limits.test_book import Node, limit

from phantom_gateway.limits import plan as planning
from phantom_gateway.limits import plans as module
from phantom_gateway.limits.book import IDLE_SECONDS
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.plan import Plan, amounts_for
from phantom_gateway.limits.plans import Plans
from phantom_gateway.limits.slices import Slice
from phantom_gateway.spine.messages import Limit

NOW = 70.0


def limits_of(who: str, count: int = 8) -> tuple[Limit, ...]:
    return tuple(Limit(scope=f"requests:{who}:{n}", kind="requests", entity=who, amount=10**9) for n in range(count))


class Shelf:
    """Living slices, and the plans made of them."""

    def __init__(self, *limits: Limit) -> None:
        self.slices: dict[str, Slice] = {}
        for one in limits:
            piece = self.slices[one.scope] = Slice(one, 60.0, 240.0, NOW)
            piece.credit(1000)
            piece.remaining = 10**9
        self.debtors: list[Slice] = []
        self.plans = Plans(self.slices, self.debtors)

    def stocked(self, limits: tuple[Limit, ...], now: float = NOW) -> Plan:
        plan = self.plans.make(limits)
        assert plan is not None
        assert plan.take(1, 1, now)
        assert plan.take(1, 1, now)
        assert plan.stocked
        return plan

    def free(self) -> set[int]:
        return {piece.free for piece in self.slices.values()}


def test_a_plan_needs_all_its_slices_as_they_are() -> None:
    limits = limits_of("a")
    shelf = Shelf(*limits)
    assert shelf.plans.make((*limits, *limits_of("b"))) is None
    assert shelf.plans.make((limits[0], limits[0])) is None
    plan = shelf.plans.make(limits)
    assert shelf.plans[id(limits)] is plan
    assert all(piece.plans == (id(limits),) for piece in shelf.slices.values())


def test_a_stock_is_given_up_with_its_plan() -> None:
    limits = limits_of("a")
    shelf = Shelf(*limits)
    plan = shelf.stocked(limits)
    shelf.plans.drop(shelf.slices[limits[3].scope])
    assert not plan.stocked
    assert shelf.free() == {998}
    assert id(limits) not in shelf.plans


def test_a_stock_is_given_up_when_a_slice_is_needed_elsewhere() -> None:
    mine, yours = limits_of("a"), limits_of("b")
    shared = limits_of("c", 1)
    shelf = Shelf(*mine, *yours, *shared)
    plans = [shelf.stocked((*mine, *shared)), shelf.stocked((*yours, *shared))]
    shelf.plans.unstock_of(shelf.slices[mine[0].scope])
    assert [plan.stocked for plan in plans] == [False, True]
    shelf.plans.unstock_of(shelf.slices[shared[0].scope])
    assert [plan.stocked for plan in plans] == [False, False]
    assert shelf.slices[shared[0].scope].free == 996


def test_the_plan_after_knows_how_the_one_before_was_used() -> None:
    limits = limits_of("a")
    shelf = Shelf(*limits)
    shelf.stocked(limits)
    shelf.plans.drop(shelf.slices[limits[0].scope])
    plan = shelf.plans.make(limits)
    assert plan is not None
    assert plan.take(1, 1, NOW + 1)
    assert plan.stocked, "the first request of a window is not that of a stranger"
    shelf.plans.drop(shelf.slices[limits[0].scope])
    plan = shelf.plans.make(limits)
    assert plan is not None
    assert plan.take(1, 1, NOW + 1 + planning.SELDOM_SECONDS)
    assert not plan.stocked
    assert shelf.free() == {996}, "four requests, and nothing else"


def test_old_stocks_are_given_up_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOKS", 2)
    groups = [limits_of(f"k{n}") for n in range(4)]
    shelf = Shelf(*[one for group in groups for one in group])
    plans = [shelf.stocked(group, NOW + n) for n, group in enumerate(groups)]
    shelf.plans.age(NOW + planning.STOCK_SECONDS - 1)
    assert [plan.stocked for plan in plans] == [True] * 4
    shelf.plans.age(NOW + planning.STOCK_SECONDS + 2)
    assert [plan.stocked for plan in plans] == [False, False, True, True]
    shelf.plans.age(NOW + planning.STOCK_SECONDS + 2)
    assert [plan.stocked for plan in plans] == [False, False, False, True]
    shelf.plans.unstock()
    assert shelf.free() == {998}


def test_stocks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "MAX_STOCKED", 1)
    mine, yours = limits_of("a"), limits_of("b")
    shelf = Shelf(*mine, *yours)
    shelf.stocked(mine)
    plan = shelf.plans.make(yours)
    assert plan is not None
    assert [plan.take(1, 1, NOW), plan.take(1, 1, NOW), plan.stocked] == [True, True, False]


def test_plans_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_PLANS", 2)
    groups = [limits_of(f"k{n}") for n in range(3)]
    shelf = Shelf(*[one for group in groups for one in group])
    plans = [shelf.stocked(group) for group in groups[:2]]
    assert shelf.plans.make(groups[2]) is not None
    assert list(shelf.plans) == [id(groups[2])]
    assert [plan.stocked for plan in plans] == [False, False]
    assert shelf.slices[groups[0][0].scope].plans == ()


def test_a_debt_of_a_stock_is_told() -> None:
    limits = tuple(Limit(scope=f"budget:a:{n}", kind="budget", entity="a", amount=10**12, window="") for n in range(8))
    shelf = Shelf(*limits)
    plan = shelf.stocked(limits)
    plan.money -= 1001
    plan.spent += 1001
    plan.unstock()
    assert shelf.debtors == list(shelf.slices.values())


# --- in a book, with an authority ------------------------------------------------------------------------------------


def far_limits() -> tuple[Limit, ...]:
    """So many and so large that a busy plan has a stock of them."""
    windows = ("", "1d", "7d", "30d", "60s", "1h")
    return (*[limit("budget", 10**9, window) for window in windows], limit("requests", 10**6, "60s"))


async def stock(node: Node, limits: tuple[Limit, ...]) -> int:
    """Four requests, so that there is a stock; what they cost."""
    (await node.book.take_all(limits, amounts_for(limits, 0, 2000))).settle(cost=10)
    plan = node.book.plan(limits)
    assert plan is not None
    for _ in range(3):
        reservation = node.book.reserve(plan, 0, 100, node.now)
        assert reservation is not None
        reservation.settle(cost=10)
    assert plan.stocked
    return 40


async def test_a_recall_gets_what_is_in_stock() -> None:
    node, limits = Node(), far_limits()
    spent = await stock(node, limits)
    assert node.authority.usage(limits[0], node.now).used > 1000
    node.returned("w0", node.book.on_recall(limits[0].scope))
    assert node.authority.usage(limits[0], node.now).used == spent


async def test_a_new_control_hears_what_is_in_stock_but_not_what_is_spent_out_of_it() -> None:
    node, limits = Node(), far_limits()
    spent = await stock(node, limits)
    granted = node.authority.usage(limits[1], node.now).used
    assert {lease.scope: lease.amount for lease in node.book.held()}[limits[1].scope] == granted - spent


@pytest.mark.parametrize("stopping", [False, True])
async def test_nobody_keeps_a_stock_for_ever(stopping: bool) -> None:
    node, limits = Node(), far_limits()
    spent = await stock(node, limits)
    if stopping:
        node.book.give_up_stocks()
    node.now += IDLE_SECONDS + 1
    node.idle()
    node.now += IDLE_SECONDS + 1
    node.idle()
    for one in (limits[0], limits[2], limits[3]):
        assert node.authority.usage(one, node.now).used == spent
    assert not [lease for lease in node.book.held() if lease.limit.window in {"", "7d", "30d"}]


@pytest.mark.parametrize("away", [False, True])
async def test_what_one_has_in_stock_another_may_use(away: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anybody is refused, and while control is away."""
    monkeypatch.setattr("phantom_gateway.limits.plan.PLENTY", 0)
    small = limit("budget", 3000, "1d")
    mine = (small, *[each for each in far_limits() if each.scope != small.scope])
    node = Node()
    spent = await stock(node, mine)
    if away:
        node.down = LimiterUnavailable("gone")
    plan = node.book.plan(mine)
    assert plan is not None
    assert small in [piece.limit for piece in plan.pooled()]
    left = sum([piece.free + piece.reserved for piece in plan.slices if piece.limit is small]) - plan.spent
    assert left == (node.authority.usage(small, node.now).used - spent)
    other = await node.book.take_all((small,), [left if away else 3000 - spent])
    assert not plan.stocked
    refusal = LimiterUnavailable if away else LimitExceeded
    with pytest.raises(refusal):
        await node.book.take_all((small,), [1])
    other.release()
