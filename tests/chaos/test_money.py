"""The whole of the money, in any order of events: workers, leases, journals, ingestion, crashes of everybody.

One state machine over the real parts (``LeaseBook``, ``Authority``, ``Journal``, ``Ingestor``); only sockets and the database are
replaced. Promises: no budget is overspent at any moment, beyond what single requests used in excess of their own
reservation; nothing leaks; when all is quiet the whole rest of a budget can be spent, and not a nano-dollar more.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from phantom_gateway.ledger.ingest import Batch, Ingestor, spends_of
from phantom_gateway.ledger.journal import Journal
from phantom_gateway.ledger.record import Closed, Opened, Spend
from phantom_gateway.ledger.replay import Position
from phantom_gateway.limits import plan
from phantom_gateway.limits.authority import Authority
from phantom_gateway.limits.book import LeaseBook
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.lending import Grant, NeedRecall
from phantom_gateway.limits.plan import amounts_for
from phantom_gateway.limits.slices import Reservation
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import LeaseAsk, LeaseGrant, Limit

PREPAID = Limit(scope="budget:key:k:", kind="budget", entity="key:k", amount=1000, window="")
MINUTELY = Limit(scope="budget:team:t:60s", kind="budget", entity="team:t", amount=400, window="60s")
SLOTS = Limit(scope="parallel:key:k:", kind="parallel", entity="key:k", amount=6, window="")
MEMBER = Limit(scope="budget:member:t/u:", kind="budget", entity="member:t/u", amount=700, window="")
OTHER = Limit(scope="budget:key:o:60s", kind="budget", entity="key:o", amount=150, window="60s")
CUSTOMER = Limit(scope="budget:customer:c:", kind="budget", entity="customer:c", amount=900, window="")
GATEWAY = Limit(scope="budget:gateway:60s", kind="budget", entity="gateway", amount=500, window="60s")
CHAINS = (
    (SLOTS, PREPAID, MINUTELY, GATEWAY),
    (SLOTS, PREPAID, MEMBER, MINUTELY, CUSTOMER, GATEWAY),
    (OTHER, MEMBER, MINUTELY, GATEWAY),
    (OTHER, MINUTELY, CUSTOMER, GATEWAY),
)
"""Two keys of one team, one of them also used by a member, each with and without a customer: what they share differs."""
AMOUNTS = {limit.scope: limit.amount for chain in CHAINS for limit in chain}
FOREVER = (PREPAID, MEMBER, CUSTOMER)

Key = tuple[str, float]
Chain = tuple[Limit, ...]


class DatabaseDownError(Exception):
    """The transaction was or was not carried out."""


class Database:
    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Closed] = {}
        self.open: dict[tuple[str, int], Opened] = {}
        self.stored: dict[str, Position] = {}
        self.spent: dict[Key, int] = defaultdict(int)
        self.fail = ""

    def positions(self) -> Mapping[str, Position]:
        return dict(self.stored)

    def open_records(self, incarnation: str) -> Sequence[Opened]:
        return [record for (owner, _), record in self.open.items() if owner == incarnation]

    def load_spent(self, windows: Sequence[tuple[str, float]]) -> dict[tuple[str, float], int]:
        return {each: self.spent[each] for each in windows}

    def apply(self, batch: Batch) -> None:
        fail, self.fail = self.fail, ""
        if fail == "before":
            raise DatabaseDownError
        for row in batch.closed:
            assert (batch.incarnation, row.n) not in self.rows
            self.rows[batch.incarnation, row.n] = row
            for scope, start, amount in row.spends:
                self.spent[scope, start] += amount
        for record in batch.opening:
            self.open[batch.incarnation, record.n] = record
        for number in batch.closing:
            self.open.pop((batch.incarnation, number), None)
        self.stored[batch.incarnation] = batch.position
        if fail == "after":
            raise DatabaseDownError


class Request:
    def __init__(self, reservation: Reservation, number: int, amount: int) -> None:
        self.reservation = reservation
        self.number = number
        self.amount = amount


class Worker:
    def __init__(self, name: str, book: LeaseBook, journal: Journal) -> None:
        self.name = name
        self.book = book
        self.journal = journal
        self.connected = True
        self.requests: list[Request] = []


class Money(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.root = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.now = 1_800_000_000.0
        self.database = Database()
        self.workers: list[Worker] = []
        self.born = 0
        self.billed: dict[Key, int] = defaultdict(int)
        self.reserved: dict[Key, int] = defaultdict(int)
        self.excess = 0
        self.quiet_steps = 0
        self.start_control()
        self.start_worker()
        self.start_worker()

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    # --- processes ----------------------------------------------------------------------------------------------------

    def start_control(self) -> None:
        self.ingestor = Ingestor(
            self.root,
            self.database,
            on_ingested=lambda name, rows: self.authority.ingested(name, spends_of(rows)),
            on_gone=self.gone,
            on_ingesting=lambda name, rows: self.authority.ingesting(name, spends_of(rows)),
        )
        self.authority = Authority(self.database.load_spent, awaiting=self.ingestor.incarnations(), now=self.now)

    def gone(self, name: str) -> None:
        self.authority.gone(name)

    def start_worker(self) -> None:
        self.born += 1
        name = f"w{self.born}"
        journal = Journal(self.root / name, name, segment_bytes=600, reserve_bytes=4096)
        journal.open()
        book = LeaseBook(self.ask_of(name), clock=lambda: self.now, patience=0.0)
        worker = Worker(name, book, journal)
        self.workers.append(worker)
        self.hello(worker)

    def hello(self, worker: Worker) -> None:
        assert self.catch_up(worker)
        self.authority.hello(worker.name, worker.book.held(), self.now)
        worker.connected = True

    def catch_up(self, worker: Worker) -> bool:
        try:
            return self.ingestor.catch_up(worker.name, worker.journal.position)
        except DatabaseDownError:
            return self.ingestor.catch_up(worker.name, worker.journal.position)

    def ask_of(self, name: str) -> Any:
        async def ask(message: LeaseAsk) -> LeaseGrant:
            worker = next(one for one in self.workers if one.name == name)
            await asyncio.sleep(0)
            if not worker.connected:
                raise LimiterUnavailable("no connection")
            answer = self.authority.ask(name, message.limit, message.need, message.want, self.now)
            while isinstance(answer, NeedRecall):
                if answer.notice is not None:
                    self.authority.told(message.limit.scope, answer.notice, answer.workers)
                for other in self.workers:
                    if other.name in answer.workers and other.connected:
                        back = other.book.on_recall(message.limit.scope)
                        self.authority.give_back(other.name, back.scope, back.window_start, back.amount, self.now)
                answer = self.authority.ask(name, message.limit, message.need, message.want, self.now, recalled=True)
            assert isinstance(answer, Grant)
            return answer.message(message.seq)

        return ask

    def some(self, index: int) -> Worker:
        return self.workers[index % len(self.workers)]

    # --- requests -----------------------------------------------------------------------------------------------------

    @rule(
        traffic=st.lists(
            st.tuples(
                st.integers(0, 3), st.integers(1, 120), st.integers(0, 3), st.floats(0, 1), st.sampled_from(CHAINS)
            ),
            min_size=1,
            max_size=6,
        )
    )
    def serve(self, traffic: list[tuple[int, int, int, float, Chain]]) -> None:
        """What happens most of the time: requests come and go, and lost connections come back after a while."""
        self.quiet_steps += 1
        for worker in self.workers if self.quiet_steps > 1 else ():
            if not worker.connected:
                self.hello(worker)
        for index, amount, count, part, chain in traffic:
            self.admit(index, amount, count, chain)
            if any(worker.requests for worker in self.workers) and (count != 1):
                self.settle(index, part, 0)

    def admit(self, index: int, amount: int, count: int, chain: Chain) -> None:
        worker = self.some(index)

        async def one() -> Reservation:
            known = worker.book.plan(chain)
            planned = None if known is None else worker.book.reserve(known, 0, amount, self.now)
            return planned or await worker.book.take_all(chain, amounts_for(chain, 0, amount))

        async def several() -> list[Any]:
            return await asyncio.gather(*[one() for _ in range(count)], return_exceptions=True)

        for answer in self.run(several()):
            if isinstance(answer, LimitExceeded | LimiterUnavailable):
                continue
            assert isinstance(answer, Reservation), answer
            reserved = tuple(Spend(*spend) for spend in answer.reserved())
            for scope, start, part in reserved:
                self.reserved[scope, start] += part
            number = worker.journal.append(
                Opened(id="r", at_ns=0, key_id="k", reserved=reserved, estimate=amount),
            )
            worker.requests.append(Request(answer, number, amount))

    @precondition(lambda self: any(worker.requests for worker in self.workers))
    @rule(index=st.integers(0, 3))
    def overrun(self, index: int) -> None:
        """A request that used more than it had reserved."""
        self.settle(index, 1.0, 25)

    def settle(self, index: int, part: float, excess: int) -> None:
        worker = [one for one in self.workers if one.requests][index % sum(bool(one.requests) for one in self.workers)]
        request = worker.requests.pop(index % len(worker.requests))
        cost = request.amount + excess if excess else int(request.amount * part)
        self.excess += excess
        spends = tuple(Spend(*spend) for spend in request.reservation.spends(cost))
        worker.journal.append(Closed(opened=request.number, id="r", at_ns=0, key_id="k", spends=spends))
        self.book_closed(request, spends)
        request.reservation.settle(cost=cost)

    def book_closed(self, request: Request, spends: Sequence[Spend]) -> None:
        for scope, start, part in request.reservation.reserved():
            self.reserved[scope, start] -= part
        for scope, start, part in spends:
            self.billed[scope, start] += part

    # --- events -------------------------------------------------------------------------------------------------------

    @rule()
    def ingest(self) -> None:
        try:
            self.ingestor.step()
        except DatabaseDownError:
            return

    @rule(moment=st.sampled_from(["before", "after"]))
    def database_fails(self, moment: str) -> None:
        self.database.fail = moment

    @rule(seconds=st.sampled_from([1.0, 3.0, 61.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.authority.expire(self.now)

    @rule(index=st.integers(0, 3))
    def idle(self, index: int) -> None:
        worker = self.some(index)
        if worker.connected:
            for message in worker.book.idle(self.now):
                self.authority.give_back(worker.name, message.scope, message.window_start, message.amount, self.now)

    @rule(limit=st.sampled_from((PREPAID, MINUTELY, MEMBER, OTHER, CUSTOMER, GATEWAY)), part=st.floats(0, 1))
    def reset_spend(self, limit: Limit, part: float) -> None:
        """An administrator has less count as spent in the present window; in the thread of ingestion, as control does it."""
        self.ingestor.settle()
        key = limit.scope, window_bounds(limit.window, self.now, limit.anchor)[0]
        counted = self.database.spent[key]
        self.database.spent[key] = int(counted * part)
        self.billed[key] -= counted - self.database.spent[key]
        self.authority.set_spent(*key, self.database.spent[key])

    @precondition(lambda self: self.quiet_steps >= 2)
    @rule(index=st.integers(0, 3))
    def lose_connection(self, index: int) -> None:
        """Whatever the worker sends now is lost."""
        self.quiet_steps = 0
        worker = self.some(index)
        worker.connected = False
        worker.book.idle(self.now)

    @rule(index=st.integers(0, 3))
    def reconnect(self, index: int) -> None:
        self.hello(self.some(index))

    @precondition(lambda self: self.quiet_steps >= 2)
    @rule(at_once=st.booleans())
    def kill_control(self, at_once: bool) -> None:
        """With everything it knew; the workers come back at once or one by one."""
        self.quiet_steps = 0
        self.ingestor.close()
        for worker in self.workers:
            worker.connected = False
        self.start_control()
        for worker in self.workers if at_once else ():
            self.hello(worker)

    @precondition(lambda self: self.quiet_steps >= 2)
    @rule(index=st.integers(0, 3))
    def kill_worker(self, index: int) -> None:
        """Its journal is what it is; recovery will bill the estimates of what was open."""
        self.quiet_steps = 0
        worker = self.some(index)
        self.workers.remove(worker)
        self.run(worker.journal.close())
        for request in worker.requests:
            reserved = [Spend(*spend) for spend in request.reservation.reserved()]
            self.book_closed(request, reserved)
        self.start_worker()

    # --- promises -----------------------------------------------------------------------------------------------------

    @invariant()
    def no_budget_is_overspent(self) -> None:
        for key in {*self.billed, *self.reserved}:
            assert self.billed[key] + self.reserved[key] <= AMOUNTS[key[0]] + self.excess

    @invariant()
    def the_database_never_runs_ahead(self) -> None:
        for key, amount in self.database.spent.items():
            assert amount <= self.billed[key]

    def teardown(self) -> None:
        try:
            self.when_all_is_quiet()
        finally:
            self.ingestor.close()
            for worker in self.workers:
                self.run(worker.journal.close())
            self.loop.close()
            shutil.rmtree(self.root)

    def when_all_is_quiet(self) -> None:
        self.database.fail = ""
        for worker in self.workers:
            while worker.requests:
                self.settle(self.workers.index(worker), 1.0, 0)
        alive = {worker.name for worker in self.workers}
        while self.ingestor.step() or set(self.ingestor.incarnations()) != alive:
            pass
        for worker in self.workers:
            if not worker.connected:
                self.hello(worker)
        self.now += 100
        for index in range(len(self.workers)):
            self.idle(index)
        assert self.database.open == {}
        assert dict(self.database.spent) == {
            key: amount for key, amount in self.billed.items() if key in self.database.spent
        }
        assert sum(self.database.spent.values()) == sum(self.billed.values())
        for limit in FOREVER:
            assert self.authority.usage(limit, self.now).used == self.billed[limit.scope, 0.0]
        for limit in (MINUTELY, OTHER, GATEWAY, SLOTS):
            assert self.authority.usage(limit, self.now).used == 0
        assert self.authority.expire(self.now + 1000) == 0, "somebody still holds something"
        for limit in FOREVER:
            self.spend_the_rest(limit)

    def spend_the_rest(self, limit: Limit) -> None:
        book = self.workers[0].book
        left = limit.amount - self.billed[limit.scope, 0.0]
        if left > 0:
            self.run(book.take_all([limit], [left]))
        for amount in (1, 1000):
            try:
                self.run(book.take_all([limit], [amount]))
            except LimitExceeded:
                continue
            raise AssertionError("more than the budget was granted")


class StockedMoney(Money):
    """The same where plans keep stocks of everything, however near its limit it is."""

    def __init__(self) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(plan, "PLENTY", 0)
        self.patch.setattr(plan, "FEWEST", 1)
        self.patch.setattr(plan, "SMALLEST_STOCK", 2)
        super().__init__()

    def teardown(self) -> None:
        try:
            super().teardown()
        finally:
            self.patch.undo()


TestStockedMoney = StockedMoney.TestCase
TestStockedMoney.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestMoney = Money.TestCase
TestMoney.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
