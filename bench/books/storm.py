"""What goes wrong, at random moments: workers, control, nodes and servers are killed and come back."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.books.installation import Installation, Node

WORKER_S = (2.0, 5.0)
CONTROL_S = (10.0, 20.0)
NODE_S = (15.0, 30.0)
SERVER_S = (10.0, 20.0)
AWAY_S = (0.0, 3.0)
RECOVERY_S = 8.0
"""Between a node's return and the next outage of a server: two such faults at once are not promised to be survived (ADR 9)."""


class Storm:
    """All the faults beside each other, until told to end; nodes and servers take turns."""

    def __init__(self, installation: Installation, seed: int) -> None:
        self._installation = installation
        self._random = random.Random(seed)
        self._turn = asyncio.Lock()
        self._until = 0.0
        self.done: Counter[str] = Counter()

    async def run(self, seconds: float) -> None:
        """Rage for so long."""
        self._until = time.monotonic() + seconds
        jobs = [
            self._every(WORKER_S, lambda: self._kill("gateway")),
            self._every(CONTROL_S, lambda: self._kill("control")),
            self._every(NODE_S, self._node),
        ]
        if self._installation.redis is not None:
            jobs.append(self._every(SERVER_S, self._server))
        await asyncio.gather(*jobs)

    async def _every(self, pause: tuple[float, float], act: Callable[[], Awaitable[None]]) -> None:
        while (wait := self._random.uniform(*pause)) < self._until - time.monotonic():
            await asyncio.sleep(wait)
            await act()

    async def _kill(self, name: str) -> None:
        running = self._installation.running()
        if not running:
            return
        with suppress(psutil.Error):
            processes = self._random.choice(running).children(name)
            if processes:
                self._random.choice(processes).send_signal(signal.SIGKILL)
                self.done["worker killed" if name == "gateway" else "control killed"] += 1

    async def _node(self) -> None:
        async with self._turn:
            node = self._random.choice(self._installation.nodes)
            if self._random.random() < 0.5:
                code = await asyncio.to_thread(node.stop)
                self.done["node restarted" if code == 0 else f"node ended with {code}"] += 1
            else:
                await asyncio.to_thread(node.kill)
                self.done["node killed"] += 1
            await asyncio.sleep(self._random.uniform(*AWAY_S))
            await self._start(node)
            if self._installation.redis is not None:
                await asyncio.sleep(RECOVERY_S)

    async def _start(self, node: Node) -> None:
        await asyncio.to_thread(node.start)

    async def _server(self) -> None:
        redis, postgres = self._installation.redis, self._installation.postgres
        assert redis is not None and postgres is not None, "two nodes have both"  # noqa: PT018
        async with self._turn:
            what = self._random.choice(("redis emptied", "redis restarted", "postgres restarted"))
            self.done[what] += 1
            if what == "redis emptied":
                await asyncio.to_thread(redis.client().flushall)
                return
            server = redis if what == "redis restarted" else postgres
            await asyncio.to_thread(server.stop)
            await asyncio.sleep(self._random.uniform(*AWAY_S))
            await asyncio.to_thread(server.start)
            await asyncio.sleep(RECOVERY_S)
