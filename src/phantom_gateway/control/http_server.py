"""uvicorn on a unix socket, started and stopped by us: it neither takes signals nor prints."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn
from fastapi import FastAPI

from phantom_gateway.wire.tasks import TaskGroup

GRACE_SECONDS = 5


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """The process handles its signals itself."""
        yield


def admin_listener(address: str) -> socket.socket:
    """A listening socket for ``admin.listen: host:port``. Raises OSError with the address in its text."""
    host, _, port = address.rpartition(":")
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=128)
    except OSError as error:
        raise OSError(error.errno, f"cannot listen for the admin API on {address}: {error.strerror}") from error


class HttpServer:
    """Serves ``app`` on listening sockets."""

    def __init__(self, app: FastAPI, listeners: list[socket.socket]) -> None:
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
        self._server = _Server(config)
        self._listeners = listeners
        self._tasks = TaskGroup()

    async def start(self) -> None:
        """Serve from now on; what has queued on the socket is answered first."""
        self._task = self._tasks.spawn(self._server.serve(sockets=self._listeners), "admin API")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 # uvicorn has a flag, no event
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Answer what is under way, for at most ``GRACE_SECONDS``, then end."""
        self._server.should_exit = True
        await self._task
