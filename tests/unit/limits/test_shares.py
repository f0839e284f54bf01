"""Even shares, and that all workers together stay within a rate whenever control goes away and comes back."""

from __future__ import annotations

import asyncio
import math
from itertools import count
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from phantom_gateway.limits.authority import Authority
from phantom_gateway.limits.book import LeaseBook
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.lending import Grant
from phantom_gateway.limits.shares import MAX_NOTICES, Place, Shares, Used, even_share
from phantom_gateway.limits.slices import Reservation
from phantom_gateway.spine.messages import LeaseAsk, LeaseGrant, Limit, LimitKind

START = 1_800_000_000.0


def limit(kind: LimitKind, amount: int) -> Limit:
    return Limit(scope=f"{kind}:key:k:60s", kind=kind, entity="key:k", amount=amount, window="60s")


@pytest.mark.parametrize("amount", [0, 1, 5, 12])
@pytest.mark.parametrize("nodes", [1, 2, 3])
@pytest.mark.parametrize("workers", [1, 2, 5])
def test_shares_add_up(amount: int, nodes: int, workers: int) -> None:
    shares = [Place(workers, worker, nodes, node).share(amount) for node in range(nodes) for worker in range(workers)]
    assert sum(shares) == amount
    parts = [even_share(amount, workers, place) for place in range(workers)]
    assert max(parts) - min(parts) <= 1


def test_a_share_is_worth_nothing_where_somebody_has_more_than_his_own() -> None:
    shares, rate = Shares(Place(2, 0)), limit("requests", 10)
    now = START + 30
    assert shares.room(rate, Used(START, START + 60, 2, 0), now) == 3
    assert shares.room(rate, Used(START, START + 60, 2, 4), now) == 1, "half of the window before still counts"
    shares.notice(rate.scope, START)
    assert shares.room(rate, Used(START, START + 60, 0, 0), now) == 0
    later = Used(START + 60, START + 120, 0, 0)
    assert shares.room(rate, later, START + 90) == 0, "half of what all had before"
    assert shares.room(rate, later, START + 120) == 5
    shares.eased(rate.scope)
    assert shares.room(rate, later, START + 60) == 5


def test_a_share_is_worth_nothing_in_the_window_in_which_it_changed() -> None:
    shares, rate = Shares(), limit("requests", 10)
    shares.placed(Place(2, 1), START + 10)
    shares.placed(Place(2, 1), START + 50)
    assert shares.room(rate, Used(START, START + 60, 0, 0), START + 59) == 0
    assert shares.room(rate, Used(START + 60, START + 120, 0, 0), START + 60) == -5
    assert shares.room(rate, Used(START + 60, START + 120, 0, 0), START + 120) == 5
    assert shares.room(limit("parallel", 10), Used(0.0, math.inf, 4, 0), START + 10) == 1


def test_notices_are_bounded() -> None:
    shares = Shares()
    for index in range(MAX_NOTICES + 1):
        shares.notice(f"requests:key:{index}:60s", START)
    for scope, room in (("0", 10), ("1", 0)):
        asked = Limit(scope=f"requests:key:{scope}:60s", kind="requests", entity="key:k", amount=10)
        assert shares.room(asked, Used(START, START + 60, 0, 0), START) == room


class Machine(RuleBasedStateMachine):
    """Workers that take of one limit, and a control that comes and goes."""

    kind: LimitKind = "requests"

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.now = START
        self.up = True
        self.names = count()
        self.books: dict[str, LeaseBook] = {}
        self.open: list[Reservation] = []
        self.taken: dict[float, int] = {}
        """Admitted, by the start of the window."""
        self.forgotten = 0.0
        """Until when a control that starts anew does not know what a dead worker has used: that is nowhere but in memory."""

    @initialize(amount=st.integers(1, 30), workers=st.integers(1, 4))
    def begin(self, amount: int, workers: int) -> None:
        self.limit = limit(self.kind, amount)
        self.authority = Authority(now=self.now)
        for _ in range(workers):
            self.join()
        self.now += 120  # all have been here for two windows

    def join(self) -> None:
        name = f"w{next(self.names)}"
        self.authority.hello(name, (), self.now)
        self.books[name] = LeaseBook(self.ask_of(name), clock=lambda: self.now, patience=0.0)
        self.beat()

    def beat(self) -> None:
        names = sorted(self.books)
        for place, name in enumerate(names):
            self.books[name].shares.placed(Place(len(names), place), self.now)

    def ask_of(self, name: str) -> Any:
        async def ask(message: LeaseAsk) -> LeaseGrant:
            if not self.up:
                raise LimiterUnavailable("away")
            recalled = False
            while True:
                of = message.limit
                answer = self.authority.ask(name, of, message.need, message.want, self.now, recalled=recalled)
                if isinstance(answer, Grant):
                    return answer.message(message.seq)
                recalled = recalled or answer.notice is None
                for other in answer.workers:
                    book = self.books[other]
                    start = answer.notice
                    back = book.on_recall(of.scope, 1) if start is None else book.on_notice(of.scope, 1, start)
                    self.authority.give_back(other, back.scope, back.window_start, back.amount, self.now)
                if answer.notice is not None:
                    self.authority.told(of.scope, answer.notice, answer.workers)

        return ask

    @rule(worker=st.integers(0, 3), times=st.integers(1, 12))
    def take(self, worker: int, times: int) -> None:
        name = sorted(self.books)[worker % len(self.books)]
        for _ in range(times):
            try:
                reservation = self.runner.run(self.books[name].take_all((self.limit,), (1,)))
            except (LimitExceeded, LimiterUnavailable):
                break
            start = reservation.slices[0].start
            self.taken[start] = self.taken.get(start, 0) + 1
            self.check(start)
            if self.kind == "parallel":
                self.open.append(reservation)
                assert len(self.open) <= self.limit.amount
            else:
                reservation.settle()

    def check(self, start: float) -> None:
        if self.kind == "parallel":
            return
        covered = (start + 60 - self.now) / 60
        assert self.taken[start] + self.taken.get(start - 60, 0) * covered <= self.limit.amount

    @rule(times=st.integers(1, 12))
    def finish(self, times: int) -> None:
        for reservation in self.open[:times]:
            reservation.settle()
        del self.open[:times]

    @rule(seconds=st.sampled_from([0.1, 1.0, 7.0, 30.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        for name, book in self.books.items():
            back = book.idle(self.now) if self.up else ()
            for each in back:
                self.authority.give_back(name, each.scope, each.window_start, each.amount, self.now)

    @precondition(lambda self: self.up)
    @rule()
    def go(self) -> None:
        self.up = False

    @precondition(lambda self: not self.up)
    @rule(restarted=st.booleans())
    def come(self, restarted: bool) -> None:
        self.up = True
        if restarted and self.now >= self.forgotten:
            self.authority = Authority(awaiting=tuple(self.books), now=self.now)
        for name, book in self.books.items():
            self.authority.hello(name, book.held(), self.now)
        self.beat()

    @invariant()
    def within(self) -> None:
        assert all(taken <= self.limit.amount for taken in self.taken.values()) or self.kind == "parallel"

    def teardown(self) -> None:
        self.runner.close()


class Comings(Machine):
    """The same with workers that come and die while control is there."""

    @precondition(lambda self: self.up and len(self.books) < 4)
    @rule()
    def another(self) -> None:
        self.join()

    @precondition(lambda self: self.up and len(self.books) > 1)
    @rule(worker=st.integers(0, 3))
    def die(self, worker: int) -> None:
        name = sorted(self.books)[worker % len(self.books)]
        del self.books[name]
        self.authority.gone(name)
        self.forgotten = self.now + 120
        self.beat()


class Slots(Machine):
    """The same with slots instead of a rate."""

    kind: LimitKind = "parallel"


TestRates = Machine.TestCase
TestRates.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestComings = Comings.TestCase
TestComings.settings = TestRates.settings
TestSlots = Slots.TestCase
TestSlots.settings = TestRates.settings


def test_a_place_given_when_a_window_begins_counts_on_nothing_of_that_window() -> None:
    """Somebody else may have used it all before he died in the same moment."""
    state = Comings()
    state.begin(amount=1, workers=1)
    for _ in range(3):
        state.another()
    state.take(worker=0, times=1)
    state.die(worker=0)
    state.go()
    state.wait(seconds=60.0)
    try:
        state.take(worker=0, times=1)
    finally:
        state.teardown()
    assert list(state.taken.values()) == [1], "the window before still covers all"
