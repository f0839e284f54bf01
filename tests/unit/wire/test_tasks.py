from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from phantom_gateway.wire.tasks import TaskGroup


async def test_a_task_is_named_and_held_until_it_ends() -> None:
    group = TaskGroup()
    go = asyncio.Event()
    task = group.spawn(go.wait(), "waiting")
    assert (task.get_name(), len(group)) == ("waiting", 1)
    gc.collect()
    go.set()
    assert await task is True
    await asyncio.sleep(0)
    assert len(group) == 0


async def test_what_runs_is_cancelled_and_awaited() -> None:
    group = TaskGroup()
    tidied: list[int] = []

    async def tidy(number: int) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            tidied.append(number)

    for number in range(3):
        group.spawn(tidy(number), str(number))
    await asyncio.sleep(0)
    await group.cancel()
    assert sorted(tidied) == [0, 1, 2]
    assert len(group) == 0
    await group.cancel()


async def test_a_failure_is_reported_with_its_name() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    group = TaskGroup()

    async def fail() -> None:
        raise ValueError("no")

    task = group.spawn(fail(), "failing")
    with pytest.raises(ValueError, match="no"):
        await task
    await asyncio.sleep(0)
    assert [context["message"] for context in reported] == ["task failing failed"]
    assert isinstance(reported[0]["exception"], ValueError)


async def test_a_cancelled_task_is_no_failure() -> None:
    reported: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))
    group = TaskGroup()
    task = group.spawn(asyncio.sleep(60), "long")
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await asyncio.sleep(0)
    assert (reported, len(group)) == ([], 0)


async def test_a_task_that_swallows_its_end_is_ended_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("phantom_gateway.wire.tasks.AGAIN_S", 0.1)
    group = TaskGroup()
    swallowed = 0

    async def stubborn() -> None:
        nonlocal swallowed
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                swallowed += 1
                if swallowed > 1:
                    raise

    group.spawn(stubborn(), "stubborn")
    await asyncio.sleep(0)
    await asyncio.wait_for(group.cancel(), 10)
    assert swallowed == 2
    assert len(group) == 0
