"""The simulator as a server: listens on TCP ports and unix sockets of the running loop."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phantom_gateway.simulator.connection import Connection
from phantom_gateway.simulator.counts import MAX_TALLIES
from phantom_gateway.simulator.desk import Desk
from phantom_gateway.simulator.pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable

BACKLOG = 4096


class Simulator:
    """A deterministic fake provider. All listeners share one set of books.

    ``keep`` is the number of received requests kept for ``/sim/requests``; 0 keeps none. ``tallies`` bounds the pairs of model
    and user that are counted apart.
    """

    def __init__(self, keep: int = 1000, tallies: int = MAX_TALLIES) -> None:
        self._desk = Desk(keep, tallies)
        self._servers: list[asyncio.Server] = []
        self._sockets: list[Path] = []
        self._connections: set[Connection] = set()

    async def start_tcp(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen on ``host:port`` (0: any free port) and give the port. Raises OSError."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(self._factory(loop), host, port, backlog=BACKLOG)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def start_unix(self, path: Path) -> None:
        """Listen on a unix socket only its owner may use; a stale one is replaced. Raises OSError."""
        loop = asyncio.get_running_loop()
        _remove(path)
        server = await loop.create_unix_server(self._factory(loop), str(path), backlog=BACKLOG)
        _protect(path)
        self._servers.append(server)
        self._sockets.append(path)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        for server in self._servers:
            server.close()
        for connection in tuple(self._connections):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        # a dropped connection is told so in the next turns of the loop
        for _ in range(3):
            await asyncio.sleep(0)
        for path in self._sockets:
            _remove(path)
        self._servers.clear()
        self._sockets.clear()

    def counts(self) -> dict[str, Any]:
        """What ``GET /sim/counts`` answers."""
        return self._desk.books.counts()

    def tallies(self) -> list[tuple[str, str, dict[str, int]]]:
        """(model, user or label, counters), what ``counts`` sums up."""
        return self._desk.books.tallies()

    def requests(self, limit: int = 100) -> list[dict[str, Any]]:
        """What ``GET /sim/requests`` answers."""
        return self._desk.books.requests(limit)

    def reset(self) -> None:
        """Forget counts, requests and failed keys."""
        self._desk.reset()

    def _factory(self, loop: asyncio.AbstractEventLoop) -> Callable[[], Connection]:
        desk, pacer, connections = self._desk, Pacer(loop), self._connections
        return lambda: Connection(desk, pacer, connections)


def _protect(path: Path) -> None:
    path.chmod(0o600)


def _remove(path: Path) -> None:
    if path.exists() and stat.S_ISSOCK(path.stat().st_mode):
        path.unlink()
