"""The connections to one origin: idle ones for reuse, a bound on all, a queue when the bound is reached."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from phantom_gateway.wire.errors import ConnectionLost, PoolTimeout
from phantom_gateway.wire.outbox import Outbox
from phantom_gateway.wire.upstream import NEVER, UpstreamConnection

if TYPE_CHECKING:
    from phantom_gateway.wire.egress import Egress
    from phantom_gateway.wire.origin import Origin


class PoolLimits:
    """Bounds shared by all pools of a client."""

    __slots__ = ("idle_s", "max_connections", "max_idle")

    def __init__(self, *, max_idle: int, idle_s: float, max_connections: int) -> None:
        self.max_idle = max_idle
        self.idle_s = idle_s
        self.max_connections = max_connections


class Pool:
    """Connections of one origin, last used first. All methods run on the loop's thread."""

    __slots__ = (
        "_aborted",
        "_egress",
        "_idle",
        "_limits",
        "_loop",
        "_open",
        "_opening",
        "_origin",
        "_outbox",
        "_waiters",
        "closed",
    )

    def __init__(self, origin: Origin, egress: Egress, limits: PoolLimits, loop: asyncio.AbstractEventLoop) -> None:
        self._origin = origin
        self._egress = egress
        self._limits = limits
        self._loop = loop
        self._outbox = Outbox(loop)
        self._idle: list[UpstreamConnection] = []
        self._open: set[UpstreamConnection] = set()
        self._opening = 0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.closed = False
        self._aborted = False

    def __len__(self) -> int:
        return len(self._open) + self._opening

    def take_idle(self) -> UpstreamConnection | None:
        """A live pooled connection, or None."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            connection.idle_until = NEVER
            if connection.usable:
                return connection
        return None

    async def take_new(self, connect_s: float) -> UpstreamConnection:
        """Open a connection, after waiting for room (then a released one will do).

        Raises PoolTimeout, egress errors, and ConnectionLost when the client was closed meanwhile.
        """
        deadline = self._loop.time() + connect_s
        while len(self) >= self._limits.max_connections:
            await self._wait_for_room(deadline)
            pooled = self.take_idle()
            if pooled is not None:
                return pooled
        self._check_open()
        self._opening += 1
        try:
            _, connection = await self._egress.connect(
                self._origin,
                lambda: UpstreamConnection(self, self._loop, self._outbox),
                max(0.001, deadline - self._loop.time()),
            )
        except BaseException:
            self._opening -= 1
            self._wake_one()
            raise
        self._opening -= 1
        try:
            self._check_open()
        except ConnectionLost:
            connection.transport.abort()
            raise
        if connection.usable:
            self._open.add(connection)
        return connection

    def _check_open(self) -> None:
        """Of a closed client nobody looks after time limits any more."""
        if self._aborted:
            self._wake_one()
            raise ConnectionLost("the client is closed")

    async def _wait_for_room(self, deadline: float) -> None:
        waiter = self._loop.create_future()
        self._waiters.append(waiter)
        woken = False
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
            woken = True
        except TimeoutError:
            raise PoolTimeout(f"all connections to {self._origin!r} are busy") from None
        finally:
            if not woken:
                self._leave_queue(waiter)

    def _leave_queue(self, waiter: asyncio.Future[None]) -> None:
        """A waiter gave up; a wake-up that reached it too late goes to the next."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif not waiter.cancelled():
            self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    # --- what connections call

    def released(self, connection: UpstreamConnection) -> None:
        """An exchange ended cleanly."""
        if self.closed or len(self._idle) >= self._limits.max_idle:
            connection.close()
            return
        connection.idle_until = self._loop.time() + self._limits.idle_s
        self._idle.append(connection)
        if self._waiters:
            self._wake_one()

    def lost(self, connection: UpstreamConnection) -> None:
        """A connection is gone; its place is free."""
        self._open.discard(connection)
        if connection.idle_until != NEVER and connection in self._idle:
            self._idle.remove(connection)
        self._wake_one()

    # --- what the client calls

    def sweep(self, now: float) -> None:
        """Fail what is too slow, close what idled too long."""
        for connection in list(self._open):
            connection.check(now)
        # the oldest stand first
        while self._idle and self._idle[0].idle_until <= now:
            self._idle[0].close()

    def close(self) -> None:
        """Close idle connections now, the others when their exchange ends."""
        self.closed = True
        for connection in list(self._idle):
            connection.close()

    def abort(self) -> None:
        """Close everything now; running exchanges fail."""
        self._aborted = True
        self.close()
        for connection in list(self._open):
            connection.transport.abort()
