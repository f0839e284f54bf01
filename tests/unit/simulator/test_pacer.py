from __future__ import annotations

import asyncio

from phantom_gateway.simulator.pacer import Pacer


class Waiter:
    def __init__(self, name: str, order: list[str], done: asyncio.Event) -> None:
        self.name, self.order, self.done = name, order, done

    def tick(self) -> None:
        self.order.append(self.name)
        if len(self.order) == 3:
            self.done.set()


async def test_ticks_come_in_the_order_of_their_moments() -> None:
    order: list[str] = []
    done = asyncio.Event()
    pacer = Pacer(asyncio.get_running_loop())
    pacer.schedule(Waiter("late", order, done), 30)
    pacer.schedule(Waiter("early", order, done), 1)
    pacer.schedule(Waiter("early too", order, done), 1)
    await done.wait()
    assert order == ["early", "early too", "late"]
