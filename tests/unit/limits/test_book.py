from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_gateway.limits.authority import Authority
from phantom_gateway.limits.book import IDLE_SECONDS, LeaseBook
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.lending import Grant, NeedRecall
from phantom_gateway.limits.shares import Place
from phantom_gateway.limits.slices import Reservation
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import LeaseAsk, LeaseGrant, LeaseReturn, Limit, LimitKind, Spend
from phantom_gateway.wire.tasks import TaskGroup

START = 1_800_000_010.0


def limit(kind: LimitKind = "budget", amount: int = 100, window: str = "") -> Limit:
    return Limit(scope=f"{kind}:key:k:{window}", kind=kind, entity="key:k", amount=amount, window=window)


class Node:
    """One control with its workers, without sockets: asks are answered one loop turn later."""

    def __init__(self, workers: int = 1, awaiting: tuple[str, ...] = ()) -> None:
        self.now = START
        self.asks = 0
        self.down: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.authority = Authority(awaiting=awaiting, now=self.now)
        self.tasks = TaskGroup()
        self.books: dict[str, LeaseBook] = {}
        for index in range(workers):
            name = f"w{index}"
            self.authority.hello(name, (), self.now)
            self.books[name] = LeaseBook(
                self.ask_of(name), self.tasks, place=Place(workers, index), clock=lambda: self.now, patience=1.0
            )

    def ask_of(self, name: str) -> Callable[[LeaseAsk], asyncio.Future[LeaseGrant]]:
        async def ask(message: LeaseAsk) -> LeaseGrant:
            self.asks += 1
            await asyncio.sleep(0)
            if self.gate is not None:
                await self.gate.wait()
            if self.down is not None:
                raise self.down
            recalled = False
            while True:
                answer = self.authority.ask(
                    name, message.limit, message.need, message.want, self.now, recalled=recalled
                )
                if isinstance(answer, Grant):
                    return answer.message(message.seq)
                recalled = recalled or answer.notice is None
                self.tell(message.limit.scope, answer)

        return ask  # type: ignore[return-value]

    def tell(self, scope: str, question: NeedRecall) -> None:
        for other in question.workers:
            book, start = self.books[other], question.notice
            self.returned(other, book.on_recall(scope, 1) if start is None else book.on_notice(scope, 1, start))
        if question.notice is not None:
            self.authority.told(scope, question.notice, question.workers)

    def returned(self, name: str, message: LeaseReturn) -> None:
        self.authority.give_back(name, message.scope, message.window_start, message.amount, self.now)

    def idle(self) -> None:
        for name, book in self.books.items():
            for message in book.idle(self.now):
                self.returned(name, message)

    @property
    def book(self) -> LeaseBook:
        return self.books["w0"]


async def test_the_second_request_needs_no_question() -> None:
    node = Node()
    limits = [limit("requests", 100, "60s"), limit("budget", 1000)]
    assert node.book.try_all(limits, [1, 10], node.now) is None
    first = await node.book.take_all(limits, [1, 10])
    assert node.asks == 2
    second = node.book.try_all(limits, [1, 10], node.now, owner="me")
    assert second is not None
    assert (node.asks, second.owner, node.book.open_reservations()) == (2, "me", 2)
    first.settle(cost=3)
    second.release()
    assert node.book.open_reservations() == 0


async def test_a_failed_try_takes_nothing() -> None:
    node = Node()
    limits = [limit("requests", 100, "60s"), limit("budget", 1000)]
    (await node.book.take_all(limits, [1, 10])).release()
    free = node.book.held()[1].amount
    assert node.book.try_all(limits, [1, 10**9], node.now) is None
    assert node.book.held()[1].amount == free
    with pytest.raises(ValueError, match="zip"):
        node.book.try_all(limits, [1], node.now)


@pytest.mark.parametrize("workers", [1, 2, 3])
async def test_two_hundred_at_once_on_a_budget_for_ten(workers: int) -> None:
    node = Node(workers)
    budget = limit(amount=10_000)
    books = list(node.books.values())

    async def request(index: int) -> Reservation | LimitExceeded:
        try:
            return await books[index % workers].take_all([budget], [1000])
        except LimitExceeded as error:
            return error

    answers = await asyncio.gather(*map(request, range(200)))
    admitted = [answer for answer in answers if isinstance(answer, Reservation)]
    assert len(admitted) == 10
    assert node.asks < 40
    for reservation in admitted:
        reservation.settle(cost=1000)
    with pytest.raises(LimitExceeded) as caught:
        await node.book.take_all([budget], [1])
    assert caught.value.grant.reason == "exhausted"
    assert caught.value.limit == budget


async def test_a_refusal_gives_back_what_was_taken() -> None:
    node = Node()
    limits = [limit("parallel", 5), limit("requests", 50, "60s"), limit("budget", 10)]
    with pytest.raises(LimitExceeded):
        await node.book.take_all(limits, [1, 1, 11])
    assert node.book.open_reservations() == 0
    node.now += IDLE_SECONDS + 1
    node.idle()
    assert [node.authority.usage(one, node.now).used for one in limits] == [0, 0, 0]


async def test_a_cancelled_request_leaks_nothing() -> None:
    node = Node()
    budget = limit()
    node.gate = asyncio.Event()
    waiting = [asyncio.get_running_loop().create_task(node.book.take_all([budget], [10])) for _ in range(3)]
    await asyncio.sleep(0.001)
    waiting[0].cancel()
    await asyncio.sleep(0)
    node.gate.set()
    await asyncio.sleep(0.001)
    waiting[1].cancel()
    done = await asyncio.gather(*waiting, return_exceptions=True)
    for one in done:
        if isinstance(one, Reservation):
            one.release()
    assert isinstance(done[0], asyncio.CancelledError)
    node.now += IDLE_SECONDS + 1
    node.idle()
    assert node.authority.usage(budget, node.now).used == 0
    assert len(node.tasks) == 0


async def test_free_parts_go_back_when_idle_recalled_or_over() -> None:
    node = Node(2)
    budget = limit(amount=1000)
    (await node.book.take_all([budget], [10])).settle(cost=4)
    assert node.authority.usage(budget, node.now).used == 80
    node.idle()
    assert node.authority.usage(budget, node.now).used == 80
    recalled = node.book.on_recall(budget.scope, 9)
    assert (recalled.amount, recalled.seq) == (76, 9)
    assert node.book.on_recall(budget.scope).amount == 0
    assert node.book.on_recall("unknown").amount == 0
    node.returned("w0", recalled)
    assert node.authority.usage(budget, node.now).used == 4
    windowed = limit("requests", 100, "60s")
    (await node.book.take_all([windowed], [1])).settle()
    node.now += 60
    node.idle()
    assert node.authority.usage(windowed, node.now).used == 1


async def test_a_debt_is_reported_when_nobody_asks_again() -> None:
    node = Node()
    tokens = limit("tokens", 1000, "60s")
    (await node.book.take_all([tokens], [10])).settle(tokens=500)
    node.idle()
    assert node.authority.usage(tokens, node.now).used == 500
    assert node.book.held()[0].amount == 500


async def test_a_debt_is_asked_for_with_the_next_lease() -> None:
    node = Node()
    budget = limit(amount=100)
    reservation = await node.book.take_all([budget], [50])
    reservation.settle(cost=70)
    with pytest.raises(LimitExceeded):
        await node.book.take_all([budget], [31])
    (await node.book.take_all([budget], [30])).settle(cost=30)
    node.authority.ingested("w0", [(budget.scope, 0.0, 70), (budget.scope, 0.0, 30)])
    assert node.authority.usage(budget, node.now).used == 100


async def test_hello_declares_everything_and_voids_grants_on_their_way() -> None:
    node = Node()
    budget, rate = limit(amount=1000), limit("requests", 100, "60s")
    open_request = await node.book.take_all([budget, rate], [10, 1])
    (await node.book.take_all([budget, rate], [10, 1])).settle(cost=10)
    held = {lease.scope: lease.amount for lease in node.book.held()}
    assert held == {budget.scope: 70, rate.scope: 32}
    node.gate = asyncio.Event()
    other = limit("tokens", 500, "60s")
    waiting = asyncio.get_running_loop().create_task(node.book.take_all([other], [100]))
    await asyncio.sleep(0.001)
    node.authority.hello("w0", node.book.held(), node.now)
    node.gate.set()
    await waiting
    assert node.asks == 4
    assert {lease.scope for lease in node.book.held()} == {budget.scope, rate.scope, other.scope}
    open_request.settle(cost=1)


@pytest.mark.parametrize("error", [LimiterUnavailable("x"), ConnectionResetError(), TimeoutError()])
async def test_without_control_budgets_refuse_and_rates_go_on_with_their_share(error: Exception) -> None:
    node = Node(2)
    budget, rate, slots = limit(amount=1000), limit("requests", 10, "60s"), limit("parallel", 4)
    (await node.book.take_all([budget], [10])).settle(cost=10)
    node.down = error
    (await node.book.take_all([budget], [70])).settle(cost=70)
    with pytest.raises(LimiterUnavailable):
        await node.book.take_all([budget], [1])
    for _ in range(5):
        (await node.book.take_all([rate], [1])).settle()
    with pytest.raises(LimitExceeded) as caught:
        await node.book.take_all([rate], [1])
    assert caught.value.grant.window_end == 1_800_000_060.0
    held = [await node.book.take_all([slots], [1]) for _ in range(2)]
    with pytest.raises(LimitExceeded):
        await node.book.take_all([slots], [1])
    held[0].settle()
    await node.book.take_all([slots], [1])
    node.down = None
    node.authority.hello("w0", node.book.held(), node.now)
    assert node.authority.usage(rate, node.now).used == 5
    node.now += 60
    assert (await node.book.take_all([rate], [1])).open


async def test_a_recovering_authority_is_waited_for() -> None:
    node = Node(awaiting=("other",))
    waiting = asyncio.get_running_loop().create_task(node.book.take_all([limit()], [1]))
    await asyncio.sleep(0.06)
    node.authority.gone("other")
    assert (await waiting).open
    stuck = Node(awaiting=("other",))
    failing = asyncio.get_running_loop().create_task(stuck.book.take_all([limit()], [1]))
    await asyncio.sleep(0.01)
    stuck.now += 2
    with pytest.raises(LimiterUnavailable, match="recovering"):
        await failing


async def test_a_fault_in_the_ask_strands_nobody() -> None:
    node = Node()
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    node.down = RuntimeError("a bug")
    with pytest.raises(LimiterUnavailable):
        await node.book.take_all([limit()], [1])
    await asyncio.sleep(0)
    assert len(faults) == 1


async def test_a_changed_limit_counts_at_once() -> None:
    node = Node()
    (await node.book.take_all([limit(amount=100)], [10])).settle(cost=10)
    higher = limit(amount=10_000)
    (await node.book.take_all([higher], [5000])).settle(cost=5000)
    lower = limit(amount=5011)
    with pytest.raises(LimitExceeded):
        await node.book.take_all([lower], [2])
    node.idle()
    (await node.book.take_all([lower], [1])).settle(cost=1)


async def test_a_reservation_outlives_its_window() -> None:
    node = Node()
    budget = limit(amount=100, window="60s")
    old = await node.book.take_all([budget], [100])
    node.now += 60
    new = await node.book.take_all([budget], [100])
    assert [old.spends(7)[0].window_start, new.spends(7)[0].window_start] == [1_800_000_000.0, 1_800_000_060.0]
    old.settle(cost=7)
    node.idle()
    node.now -= 60
    assert node.authority.usage(budget, node.now).used == 7


async def test_standing_and_overdue_reservations() -> None:
    node = Node()
    rate, budget = limit("requests", 100, "60s"), limit(amount=50)
    reservation = await node.book.take_all([rate, budget], [1, 10], owner="lost")
    assert [(piece.remaining + piece.free, piece.end) for piece in reservation.slices] == [
        (99, 1_800_000_060.0),
        (40, math.inf),
    ]
    assert node.book.overdue() == []
    assert node.book.overdue(node.now + 1e6) == [reservation]
    reservation.settle(cost=10)
    assert node.book.overdue(node.now + 1e6) == []


async def test_a_plan_is_the_same_until_one_of_its_slices_is_not_the_one_to_use() -> None:
    node = Node()
    book = node.book
    limits = (limit("requests", 1000, "1m"), limit("budget", 1000))
    assert book.plan(limits) is None
    (await book.take_all(limits, [1, 10])).release()
    plan = book.plan(limits)
    assert plan is not None
    assert book.plan(limits) is plan
    assert book.plan((limits[0], limits[0])) is None, "one slice twice cannot be checked at once"
    reservation = book.reserve(plan, 0, 10, node.now, owner="me")
    assert reservation is not None
    assert reservation.slices[1].reserved == 10
    assert book.reserve(plan, 0, 10**9, node.now) is None
    assert reservation.slices[0].reserved == 1, "all or nothing"
    assert book.overdue(node.now + 1e6) == [reservation]
    reservation.settle(cost=4)
    assert book.open_reservations() == 0
    node.now += 61.0
    assert book.reserve(plan, 0, 10, node.now) is None, "the window is over"
    (await book.take_all(limits, [1, 10])).settle()
    assert book.plan(limits) not in {None, plan}


async def test_a_changed_limit_makes_the_plans_of_its_slice_void() -> None:
    node = Node()
    before, after = (limit(amount=1000),), (limit(amount=2000),)
    (await node.book.take_all(before, [10])).release()
    old = node.book.plan(before)
    assert old is not None
    assert node.book.plan(after) is None
    (await node.book.take_all(after, [10])).release()
    assert node.book.plan(before) is None
    assert node.book.plan(after) is not None
    for message in node.book.idle(node.now + IDLE_SECONDS + 1):
        node.returned("w0", message)
    assert node.book.plan(after) is None, "an idle budget is given back"


def asking_for_many(node: Node) -> list[int]:
    """Have the first worker ask for several limits at once; gives the sizes of its questions."""
    sizes: list[int] = []

    async def ask(messages: Sequence[LeaseAsk]) -> Sequence[LeaseGrant]:
        sizes.append(len(messages))
        await asyncio.sleep(0)
        if node.gate is not None:
            await node.gate.wait()
        if node.down is not None:
            raise node.down
        found = [node.authority.ask("w0", each.limit, each.need, each.want, node.now) for each in messages]
        return [each.message(0) if isinstance(each, Grant) else LeaseGrant(seq=0, granted=0) for each in found]

    node.book.ask_many = ask
    return sizes


async def test_what_is_short_is_asked_for_in_one_question() -> None:
    node = Node()
    sizes = asking_for_many(node)
    limits = [limit("requests", 100, "60s"), limit("tokens", 1000, "60s"), limit("budget", 1000)]
    first = await node.book.take_all(limits, [1, 5, 10])
    assert (sizes, node.asks, first.reserved()[0].amount) == ([3], 0, 10)
    first.settle(5, 10)
    (await node.book.take_all(limits[:1], [90])).settle()
    assert (sizes, node.asks) == ([3], 1), "a single one is asked for in its line"


async def test_one_question_is_enough_for_a_plan() -> None:
    node = Node()
    sizes = asking_for_many(node)
    limits = (limit("requests", 1, "60s"), limit("tokens", 1000, "60s"), limit("budget", 1000))
    first = await node.book.take_planned(limits, 5, 10, node.now)
    assert (sizes, node.asks) == ([3], 0)
    assert first.plan is node.book.plan(limits) is not None
    with pytest.raises(LimitExceeded) as refused:
        await node.book.take_planned(limits, 5, 10, node.now)
    assert refused.value.limit is limits[0]
    first.release()
    again = await node.book.take_planned(limits, 5, 10, node.now)
    assert again.reserved() == (Spend(limits[2].scope, 0.0, 10),)


async def test_whoever_comes_meanwhile_waits_for_the_same_answer() -> None:
    node = Node()
    sizes = asking_for_many(node)
    limits = [limit("requests", 100, "60s"), limit("budget", 1000)]
    found = await asyncio.gather(*(node.book.take_all(limits, [1, 10]) for _ in range(5)))
    assert (sizes, len(found), len(node.tasks)) == ([2], 5, 0)
    for each in found:
        each.release()
    node.now += 3 * IDLE_SECONDS
    node.idle()
    assert [node.authority.usage(each, node.now).used for each in limits] == [0, 0]


async def test_what_the_one_question_does_not_bring_is_decided_in_its_line() -> None:
    node = Node(2)
    asking_for_many(node)
    shared = [limit("parallel", 10), limit("budget", 100)]
    (await node.books["w1"].take_all(shared, [1, 1])).release()
    await node.books["w1"].take_all(shared[1:], [45])
    recalled = await node.book.take_all(shared, [1, 50])
    assert recalled.reserved()[0].amount == 50, "what another worker does not use is recalled"
    with pytest.raises(LimitExceeded):
        await node.book.take_all([limit("requests", 9, "60s"), shared[1]], [1, 30])
    node.down = LimiterUnavailable("away")
    with pytest.raises(LimiterUnavailable):
        await node.book.take_all([limit("tokens", 9, "60s"), limit("budget", 100, "1d")], [1, 30])
    assert node.book.open_reservations() == 1


async def test_a_question_outlives_whoever_asked() -> None:
    node = Node()
    asking_for_many(node)
    node.gate = asyncio.Event()
    limits = [limit("requests", 100, "60s"), limit("budget", 1000)]
    asking = asyncio.get_running_loop().create_task(node.book.take_all(limits, [1, 10]))
    await asyncio.sleep(0.001)
    asking.cancel()
    node.gate.set()
    await asyncio.gather(asking, return_exceptions=True)
    await asyncio.sleep(0.001)
    assert node.book.try_all(limits, [1, 10], node.now) is not None, "what was granted is there"


async def test_few_slices_are_looked_at_at_once_and_none_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phantom_gateway.limits.book.LOOKS", 3)
    monkeypatch.setattr("phantom_gateway.limits.book.MANY_SLICES", 1)
    node = Node()
    limits = [Limit(scope=f"budget:key:{n}:", kind="budget", entity="key:k", amount=100, window="") for n in range(10)]
    for each in limits:
        (await node.book.take_all([each], [1])).release()
    node.now += 40
    counts = [len(node.book.idle(node.now)) for _ in range(5)]
    assert counts == [3, 3, 3, 1, 0], "the more there are, the shorter each is kept"
    assert node.book.held() == ()


@settings(max_examples=200, deadline=None)
@given(
    kind=st.sampled_from(["requests", "tokens"]),
    window=st.sampled_from(["60s", "24h"]),
    amount=st.integers(1, 60),
    uses=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 40), st.integers(0, 60), st.integers(0, 50)),
        min_size=1,
        max_size=25,
    ),
)
async def test_who_waits_as_long_as_he_is_told_is_admitted(
    kind: LimitKind, window: str, amount: int, uses: list[tuple[int, int, int, int]]
) -> None:
    """Over several workers, with requests that use more or less than they reserved; whoever of them is asked again."""
    node, rate = Node(workers=3), limit(kind, amount, window)
    books = list(node.books.values())
    unit = 1 if window == "60s" else 1440
    refused = 0
    for index, wanted, used, pause in uses:
        need = 1 if kind == "requests" else min(wanted, amount)
        try:
            reservation = await books[index].take_all((rate,), (need,), node.now)
        except LimitExceeded as error:
            refused += 1
            await _come_again(node, books[(index + refused) % 3], rate, need, error.frees_at)
        else:
            reservation.settle(tokens=used)
        node.idle()
        node.now += pause * unit


async def _come_again(node: Node, book: LeaseBook, rate: Limit, need: int, frees_at: float) -> None:
    assert frees_at >= node.now
    end = window_bounds(rate.window, node.now)[1]
    if frees_at > end:
        node.now = end
        node.idle()
    node.now = max(node.now, frees_at) + 0.001
    (await book.take_all((rate,), (need,), node.now)).release()
