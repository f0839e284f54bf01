from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.limits.sharing import limit

from phantom_gateway.limits.alone import Alone
from phantom_gateway.limits.book import LeaseBook
from phantom_gateway.limits.errors import LimiterUnavailable, LimitExceeded
from phantom_gateway.limits.shares import Place, Shares
from phantom_gateway.limits.slices import Slice
from phantom_gateway.spine.messages import LeaseAsk, LeaseGrant, Limit
from phantom_gateway.wire.tasks import TaskGroup

START = 1_000_000.0 - 1_000_000.0 % 60


def shares(since: float) -> Shares:
    found = Shares()
    found.placed(Place(2, 0), since)
    return found


@pytest.mark.parametrize(("since", "kind"), [(START - 1, LimitExceeded), (START + 1, LimiterUnavailable)])
async def test_who_came_after_the_window_began_does_not_say_that_a_limit_is_reached(
    since: float, kind: type[Exception]
) -> None:
    rpm = limit("requests", 10, "60s")
    piece = Slice(rpm, START, START + 60, START)
    found = Alone(shares(since), 0.0).refusal(rpm, piece, 1, OSError("away"))
    assert type(found) is kind


async def test_nobody_knows_what_is_left_of_a_budget() -> None:
    found = Alone(shares(0.0), 0.0).refusal(limit("budget", 10), None, 1, OSError())
    assert isinstance(found, LimiterUnavailable)
    assert str(found) == "OSError"


def asking(book_limit: Limit, state: dict[str, Any]) -> LeaseBook:
    async def ask(message: LeaseAsk) -> LeaseGrant:
        state["asked"] = state.get("asked", 0) + 1
        if state["asked"] == 3:
            state["often"].set()
        if state["down"]:
            raise LimiterUnavailable("away")
        return LeaseGrant(seq=message.seq, granted=message.need, window_start=START, window_end=START + 60)

    book = LeaseBook(ask, clock=lambda: START + 5, patience=state["patience"])
    book.shares.placed(Place(2, 0), START + 1)
    return book


@pytest.mark.parametrize("kind", ["requests", "budget"])
async def test_nobody_is_refused_for_a_restart_of_control(kind: Any) -> None:
    """It waits as long as that takes, and asks again."""
    wanted, often = limit(kind, 10, "60s"), asyncio.Event()
    state: dict[str, Any] = {"down": True, "patience": 60.0, "often": often}
    taking = TaskGroup().spawn(asking(wanted, state).take_all((wanted,), (1,)), "take")
    await often.wait()
    assert not taking.done()
    state["down"] = False
    assert (await taking).slices[0].limit == wanted


async def test_when_it_is_away_for_longer_nobody_waits() -> None:
    wanted = limit("budget", 10)
    state: dict[str, Any] = {"down": True, "patience": 0.2, "often": asyncio.Event()}
    book = asking(wanted, state)
    with pytest.raises(LimiterUnavailable):
        await book.take_all((wanted,), (1,))
    asked = state["asked"]
    with pytest.raises(LimiterUnavailable):
        await book.take_all((wanted,), (1,))
    assert state["asked"] == asked + 1
