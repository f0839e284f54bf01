"""Shares by priority: what they are, and that they are what everybody gets, over several workers."""

from __future__ import annotations

import asyncio
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phantom_gateway.limits.authority import Authority
from phantom_gateway.limits.book import LeaseBook
from phantom_gateway.limits.errors import LimitExceeded
from phantom_gateway.limits.lending import Grant
from phantom_gateway.limits.priorities import Reservations, priority_of, reservations
from phantom_gateway.limits.shares import Place
from phantom_gateway.spine.messages import LeaseAsk, LeaseGrant, Over
from phantom_gateway.spine.snapshot import (
    Address,
    Deployment,
    Priorities,
    PriorityShare,
    Settings,
    Snapshot,
)

START = 1_800_000_000.0


def made(
    *capacities: tuple[int | None, int | None], default: float = 0.25, threshold: float = 0.5, **shares: Any
) -> Reservations:
    address = Address(scheme="http", host="127.0.0.1", port=1)
    deployments = tuple(
        Deployment(id=f"d{index}", group="gpt", provider="openai", model="m", address=address, rpm=rpm, tpm=tpm)
        for index, (rpm, tpm) in enumerate(capacities)
    )
    priorities = Priorities(
        shares={
            name: share if isinstance(share, PriorityShare) else PriorityShare(value=share)
            for name, share in shares.items()
        },
        default=default,
        threshold=threshold,
    )
    found = reservations(Snapshot(revision=1, deployments=deployments, settings=Settings(priorities=priorities)))
    assert found is not None
    return found


def amounts(of: Reservations, priority: str | None) -> dict[str, int]:
    return {limit.scope: limit.amount for limit in of.limits("gpt", priority)}


def test_the_models_own_limits_come_first_and_say_when_shares_bind() -> None:
    found = made((60, 1000), (40, None), prod=0.75).limits("gpt", "prod")
    assert [(limit.scope, limit.amount) for limit in found] == [
        ("requests:model:gpt:60s", 100),
        ("tokens:model:gpt:60s", 1000),
        ("requests:priority:prod/model:gpt:60s", 75),
        ("tokens:priority:prod/model:gpt:60s", 750),
    ]
    over = (Over(scope="requests:model:gpt:60s", amount=50), Over(scope="tokens:model:gpt:60s", amount=500))
    assert [limit.over for limit in found] == [(), (), over, over]
    assert made((None, None), prod=0.5).limits("gpt", "prod") == ()
    assert made((5, None), prod=0.5).limits("other", "prod") == ()
    assert reservations(Snapshot(revision=1)) is None


@pytest.mark.parametrize("priority", [None, "", "unknown"])
def test_whoever_has_none_shares_the_default(priority: str | None) -> None:
    assert amounts(made((100, None), prod=0.9), priority)["requests:priority:default/model:gpt:60s"] == 25


def test_more_than_there_is_is_shared_in_proportion() -> None:
    of = made((70, None), one=0.6, two=0.8)
    assert amounts(of, "one")["requests:priority:one/model:gpt:60s"] == 30
    assert amounts(of, "two")["requests:priority:two/model:gpt:60s"] == 40


def test_shares_may_be_amounts() -> None:
    rpm, tpm = PriorityShare(kind="rpm", value=900), PriorityShare(kind="tpm", value=50)
    of = made((1000, 1000), prod=rpm, dev=tpm)
    assert amounts(of, "prod")["requests:priority:prod/model:gpt:60s"] == 900
    assert amounts(of, "dev")["requests:priority:dev/model:gpt:60s"] == 50
    assert amounts(made((None, 10), prod=rpm), "prod")["tokens:priority:prod/model:gpt:60s"] == 10


def test_a_share_of_no_tokens_is_one_of_no_requests() -> None:
    found = amounts(made((None, 1000), none=0.0), "none")
    assert found["requests:priority:none/model:gpt:60s"] == found["tokens:priority:none/model:gpt:60s"] == 0


def test_only_a_smaller_share_can_be_asked_for() -> None:
    of = made((100, None), prod=0.7, batch=0.1)
    assert of.lowers("prod", "batch", "gpt")
    assert of.lowers("prod", "prod", "gpt")
    assert of.lowers(None, "batch", "gpt")
    assert not of.lowers("batch", "prod", "gpt")
    assert not of.lowers(None, "prod", "gpt")
    assert not of.lowers("prod", "unknown", "gpt")


def test_the_name_of_a_share_tells_both() -> None:
    assert priority_of("priority:prod/model:a/b") == ("prod", "a/b")
    assert priority_of("model:gpt") is None


class Workers:
    """Workers of one control."""

    def __init__(self, count: int) -> None:
        self.now = START + 1
        self.authority = Authority(now=self.now)
        names = [f"w{index}" for index in range(count)]
        self.books = {}
        for index, name in enumerate(names):
            self.authority.hello(name, (), self.now)
            self.books[name] = LeaseBook(self.ask_of(name), place=Place(count, index), clock=lambda: self.now)

    def ask_of(self, name: str) -> Any:
        async def ask(message: LeaseAsk) -> LeaseGrant:
            of, recalled = message.limit, False
            while True:
                answer = self.authority.ask(name, of, message.need, message.want, self.now, recalled=recalled)
                if isinstance(answer, Grant):
                    return answer.message(message.seq)
                for other in answer.workers:
                    for scope in (of.scope, *answer.scopes) if answer.notice is None else ():
                        back = self.books[other].on_recall(scope, 1)
                        self.authority.give_back(other, back.scope, back.window_start, back.amount, self.now)
                if answer.notice is not None:
                    self.authority.told(of.scope, answer.notice, answer.workers)
                recalled = recalled or answer.notice is None

        return ask


@given(
    capacity=st.integers(1, 24),
    workers=st.integers(1, 3),
    batch=st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]),
    threshold=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    traffic=st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["batch", "live", None])), max_size=60),
)
@settings(max_examples=200, deadline=None)
def test_everybody_gets_what_is_promised_and_nobody_more(
    capacity: int, workers: int, batch: float, threshold: float, traffic: list[tuple[int, str | None]]
) -> None:
    """Exactly: below the threshold whoever comes, above it whoever has some of his share left, and never more than there is."""
    of = made((capacity, None), threshold=threshold, batch=batch, live=0.6)
    used: dict[str | None, int] = {}

    async def run() -> None:
        node = Workers(workers)
        books = list(node.books.values())
        for worker, priority in traffic:
            limits = of.limits("gpt", priority)
            share, total, mine = limits[1].amount, sum(used.values()), used.get(priority, 0)
            expected = total < capacity and (total < math.ceil(capacity * threshold - 1e-9) or mine < share)
            admitted = True
            try:
                (await books[worker % workers].take_all(limits, [1] * len(limits))).settle()
            except LimitExceeded:
                admitted = False
            assert admitted == expected, used
            used[priority] = mine + admitted
            node.now += 0.11  # beyond the pause after recalls that brought nothing

    asyncio.run(run())
