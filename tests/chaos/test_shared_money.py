"""A budget over several nodes in any order of events: grants, spends, returns, deaths, an emptied or lost Redis, late words.

The real authority, the real keeper and a real Redis; only the database is replaced. Promises: what is spent and what workers hold
never exceeds the budget; when all is quiet the whole rest can be taken, and not a nano-dollar more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from tests.support.servers import RedisServer, running_redis
from tests.unit.limits.sharing import NOW, Node, Truth, limit, settle

from phantom_gateway.spine.messages import HeldLease

TOTAL = 100
BUDGET = limit(amount=TOTAL)
KEY = (BUDGET.scope, 0.0)
NAMES = ("a", "b")

names = st.sampled_from(NAMES)
amounts = st.sampled_from((1, 7, 30, 50, 99, TOTAL))


class SharedMoney(RuleBasedStateMachine):
    """Each node has one worker, which the test plays: ``held`` is what it really has."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.servers = running_redis()
        self.redis: RedisServer = self.servers.__enter__()
        self.truth = Truth()
        self.nodes: dict[str, Node] = {}
        self.held = dict.fromkeys(NAMES, 0)
        self.written = dict.fromkeys(NAMES, 0)
        """Spent by the worker and in its journal, not yet in the database."""
        self.committed: dict[str, int] = dict.fromkeys(NAMES, 0)
        """In the database, and control died before it said so."""

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(asyncio.wait_for(work, 20))

    def teardown(self) -> None:
        for node in self.nodes.values():
            self.run(node.link.close())
        self.loop.close()
        self.servers.__exit__(None, None, None)

    @initialize()
    def start(self) -> None:
        async def make() -> None:
            for name in NAMES:
                self.nodes[name] = Node(self.redis, self.truth, name)
            await settle(*self.nodes.values())

        self.run(make())

    @rule(name=names, need=amounts, want=amounts, kept=st.booleans())
    def take(self, name: str, need: int, want: int, kept: bool) -> None:
        if kept:
            self.keep(name)
        answer = self.run(self.nodes[name].ask(BUDGET, need, max(need, want)))
        self.held[name] += answer.granted

    @rule(name=names, amount=amounts)
    def spend(self, name: str, amount: int) -> None:
        amount = min(amount, self.held[name])
        self.held[name] -= amount
        self.written[name] += amount

    @rule(name=names)
    def ingest(self, name: str) -> None:
        amount, self.written[name] = self.written[name], 0
        read = self.truth.commit(KEY, amount)
        self.nodes[name].authority.ingested(f"{name}-w", [(*KEY, amount)], read=read)

    @rule(name=names, amount=amounts)
    def give_back(self, name: str, amount: int) -> None:
        amount = min(amount, self.held[name])
        self.held[name] -= amount
        self.nodes[name].authority.give_back(f"{name}-w", *KEY, amount)

    @rule(name=names)
    def keep(self, name: str) -> None:
        self.run(self.nodes[name].keeper.step())

    @rule()
    def empty(self) -> None:
        self.redis.client().flushall()

    @rule()
    def restart(self) -> None:
        self.redis.stop()
        self.redis.start()

    @rule(name=names, commit=st.booleans())
    def control_dies(self, name: str, commit: bool) -> None:
        """The worker lives; perhaps its last batch was committed without a word."""

        async def again() -> None:
            await self.nodes[name].link.close()
            if commit:
                self.truth.commit(KEY, self.written[name])
                self.written[name] = 0
            node = self.nodes[name] = Node(self.redis, self.truth, name, awaiting=(f"{name}-w",))
            # its journal is taken in before its hello counts
            self.truth.commit(KEY, self.written[name])
            self.written[name] = 0
            held = HeldLease(scope=BUDGET.scope, window_start=0.0, amount=self.held[name], limit=BUDGET)
            node.authority.hello(f"{name}-w", (held,) if self.held[name] else (), NOW)

        self.run(again())

    @rule()
    def quiet(self) -> None:
        """Everything that is left can be taken, and not one more."""

        async def all_of_it() -> None:
            await settle(*self.nodes.values())
            left = TOTAL - self.used()
            node = self.nodes["a"]
            for name, other in self.nodes.items():
                other.authority.give_back(f"{name}-w", *KEY, self.held[name])
                left += self.held[name]
                self.held[name] = 0
            await settle(*self.nodes.values())
            assert (await node.ask(BUDGET, left + 1)).granted == 0
            if left:
                assert (await node.ask(BUDGET, left)).granted == left
                self.held["a"] += left

        self.run(all_of_it())

    def used(self) -> int:
        return self.truth.spent.get(KEY, (0, 0))[0] + sum(self.held.values()) + sum(self.written.values())

    @invariant()
    def never_overspent(self) -> None:
        assert self.used() <= TOTAL


TestSharedMoney: Callable[..., Any] = SharedMoney.TestCase
TestSharedMoney.settings = settings(  # type: ignore[attr-defined]
    max_examples=40,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
