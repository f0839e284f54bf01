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


class HttpServer:
    """Serves ``app`` on a listening socket."""

    def __init__(self, app: FastAPI, listener: socket.socket) -> None:
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
        self._listener = listener
        self._tasks = TaskGroup()

    async def start(self) -> None:
        """Serve from now on; what has queued on the socket is answered first."""
        self._task = self._tasks.spawn(self._server.serve(sockets=[self._listener]), "admin API")
        while not self._server.started and not self._task.done():  # noqa: ASYNC110 # uvicorn has a flag, no event
            await asyncio.sleep(0.001)

    async def stop(self) -> None:
        """Answer what is under way, for at most ``GRACE_SECONDS``, then end."""
        self._server.should_exit = True
        await self._task
