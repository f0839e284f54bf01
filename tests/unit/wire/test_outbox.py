from __future__ import annotations

import asyncio
from typing import cast

from phantom_gateway.wire.outbox import LARGE, Outbox


class Recorder:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.closing = False

    def is_closing(self) -> bool:
        return self.closing

    def write(self, data: bytes) -> None:
        self.writes.append(data)


def as_transport(recorder: Recorder) -> asyncio.Transport:
    return cast("asyncio.Transport", recorder)


async def test_writes_of_a_turn_leave_together_in_order() -> None:
    outbox = Outbox(asyncio.get_running_loop())
    one, two = Recorder(), Recorder()
    outbox.write(as_transport(one), b"a")
    outbox.write(as_transport(two), b"x")
    outbox.write(as_transport(one), b"b")
    assert one.writes == two.writes == []
    await asyncio.sleep(0)
    assert (one.writes, two.writes) == ([b"ab"], [b"x"])
    outbox.write(as_transport(one), b"c")
    await asyncio.sleep(0)
    assert one.writes == [b"ab", b"c"]


async def test_flush_is_now_and_once() -> None:
    outbox = Outbox(asyncio.get_running_loop())
    one = Recorder()
    outbox.write(as_transport(one), b"a")
    outbox.flush()
    assert one.writes == [b"a"]
    outbox.flush()
    await asyncio.sleep(0)
    assert one.writes == [b"a"]


async def test_much_in_one_turn_reaches_the_transport_within_the_turn() -> None:
    outbox = Outbox(asyncio.get_running_loop())
    one = Recorder()
    for _ in range(10):
        outbox.write(as_transport(one), b"x" * LARGE)
    assert len(one.writes) == 9
    await asyncio.sleep(0)
    assert sum(map(len, one.writes)) == 10 * LARGE


async def test_nothing_is_written_to_a_closing_transport() -> None:
    outbox = Outbox(asyncio.get_running_loop())
    one = Recorder()
    outbox.write(as_transport(one), b"a")
    one.closing = True
    await asyncio.sleep(0)
    assert one.writes == []
