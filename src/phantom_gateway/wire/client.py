"""The HTTP/1.1 client of the data plane: pooled connections, pre-rendered heads, responses read or relayed."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from phantom_gateway.wire.egress import Egress
from phantom_gateway.wire.message import render_head
from phantom_gateway.wire.pool import Pool, PoolLimits
from phantom_gateway.wire.response import Response, Sink

if TYPE_CHECKING:
    from phantom_gateway.wire.origin import Origin

__all__ = ["HttpClient", "Response", "Sink", "Timeouts", "render_head"]

_HEAD_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for one exchange; None means no bound of that kind.

    ``connect_s`` covers waiting for room in the pool, name, TCP, proxy and TLS. ``first_byte_s``: from sending to the response
    head. ``stall_s``: the longest silence inside the body, not counting while the caller paused. ``total_s``: everything.
    They are looked at every ``HttpClient.sweep_s``.
    """

    connect_s: float = 5
    first_byte_s: float | None = None
    stall_s: float | None = None
    total_s: float | None = None


class HttpClient:
    """Requests to upstreams. Create inside a running loop; ``close`` at the end.

    ``max_idle_per_origin``: connections kept for reuse. ``max_connections_per_origin``: open at once, further requests wait.
    ``idle_s``: shorter than what common upstreams and load balancers keep (60 s), so that we close first.
    """

    def __init__(
        self,
        *,
        max_idle_per_origin: int = 1024,
        idle_s: float = 55,
        max_connections_per_origin: int = 2048,
        sweep_s: float = 0.25,
        egress: Egress | None = None,
    ) -> None:
        self.sweep_s = sweep_s
        self._limits = PoolLimits(
            max_idle=max_idle_per_origin, idle_s=idle_s, max_connections=max_connections_per_origin
        )
        self._egress = egress if egress is not None else Egress()
        self._pools: dict[Origin, Pool] = {}
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._sweeper = self._loop.call_later(sweep_s, self._sweep)

    @property
    def connections(self) -> int:
        """Connections open or being opened, over all origins."""
        return sum(len(pool) for pool in self._pools.values())

    async def request(self, origin: Origin, head: bytes, body: bytes, timeouts: Timeouts) -> Response:
        """Send a request and return when its response head has arrived; interim responses are skipped, redirects returned.

        ``head`` comes from ``render_head``; a head that is not exactly one header block raises ValueError. Raises the
        UpstreamErrors of connecting and of the head. A cancelled request closes its connection.
        """
        if head.find(_HEAD_END) != len(head) - 4:
            raise ValueError("a request head must be one block that ends with a blank line")
        pool = self._pools.get(origin)
        if pool is None:
            pool = self._open_pool(origin)
        started = self._loop.time()
        connection = pool.take_idle()
        if connection is None:
            total_s = timeouts.total_s
            connection = await pool.take_new(
                timeouts.connect_s if total_s is None else min(timeouts.connect_s, total_s)
            )
        return await connection.exchange(head, body, timeouts, started)

    def forget(self, keep: set[Origin]) -> None:
        """After a configuration change: close pools of origins that are no longer configured, when their exchanges end."""
        for origin in [each for each in self._pools if each not in keep]:
            self._pools[origin].close()
            if not len(self._pools[origin]):
                del self._pools[origin]

    async def close(self) -> None:
        """Close all connections; running exchanges fail with ConnectionLost or Truncated."""
        self._closed = True
        self._sweeper.cancel()
        for pool in self._pools.values():
            pool.abort()
        # one turn of the loop lets the transports close their sockets
        await asyncio.sleep(0)

    def _open_pool(self, origin: Origin) -> Pool:
        if self._closed:
            raise RuntimeError("the client is closed")
        pool = self._pools[origin] = Pool(origin, self._egress, self._limits, self._loop)
        return pool

    def _sweep(self) -> None:
        now = self._loop.time()
        for origin, pool in list(self._pools.items()):
            pool.sweep(now)
            if pool.closed and not len(pool):
                del self._pools[origin]
        self._sweeper = self._loop.call_later(self.sweep_s, self._sweep)
