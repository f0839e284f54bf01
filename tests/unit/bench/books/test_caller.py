from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from bench.books.asks import Ask, Leave
from bench.books.caller import Caller

from phantom_gateway.simulator import Simulator


@pytest.fixture
async def served() -> AsyncIterator[tuple[Simulator, int]]:
    simulator = Simulator()
    port = await simulator.start_tcp()
    yield simulator, port
    await simulator.close()


async def test_what_a_caller_sees(served: tuple[Simulator, int]) -> None:
    simulator, port = served
    caller = Caller()
    for number in range(3):
        plain = await caller.ask(Ask(label=f"p{number}", chunks=5), port, "k")
        assert (plain.status, plain.complete, plain.usage, plain.error) == (200, True, (8, 5), "")
        stream = await caller.ask(Ask(label=f"s{number}", chunks=6, stream=True, include_usage=True), port, "k")
        assert (stream.status, stream.complete, stream.usage) == (200, True, (8, 6))
    for mode, streamed, error in (
        ("500", False, "server_error"),
        ("html_502", False, "no error object"),
        ("error_event", True, "error event"),
        ("fin", True, "IncompleteReadError"),
        ("rst", False, "ConnectionResetError"),
    ):
        seen = await caller.ask(Ask(label=mode, mode=mode, stream=streamed, chunks=9, pace_ms=1), port, "k")
        assert (seen.complete, seen.error) == (False, error), mode
    assert (await caller.ask(Ask(label="again"), port, "k")).complete
    caller.hang_up()
    sent = simulator.requests()[0]
    assert ["x-litellm-trace-id", "p0"] in sent["headers"]
    assert simulator.counts()["users"]["s2"]["completed"] == 1


@pytest.mark.parametrize(("leave", "after"), [("sending", 0.5), ("waiting", 0.05), ("reading", 300.0)])
async def test_a_caller_that_leaves(served: tuple[Simulator, int], leave: Leave, after: float) -> None:
    simulator, port = served
    asked = Ask(label="gone", leave=leave, after=after, stream=True, chunks=40, pace_ms=20)
    seen = await Caller().ask(asked, port, "k")
    assert (seen.left, seen.complete, seen.error) == (True, False, "")
    for _ in range(1000 if leave != "sending" else 1):
        if simulator.counts()["total"]["aborted"]:
            break
        await asyncio.sleep(0.01)
    assert simulator.counts()["total"]["aborted"] == (leave != "sending")
    assert simulator.counts()["users"].get("gone", {}).get("completed", 0) == 0


async def test_nobody_there() -> None:
    assert (await Caller().ask(Ask(label="l"), 9, "k")).error == "ConnectionRefusedError"
