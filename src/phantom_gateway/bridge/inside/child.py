"""One child: serves the calls of one credential until it is told to end, or killed."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from typing import TYPE_CHECKING, Any

from phantom_gateway.bridge.inside import calls, http, sandbox
from phantom_gateway.bridge.inside.answers import Streamed, Whole
from phantom_gateway.bridge.inside.link import Link, LinkError, Said

if TYPE_CHECKING:
    from phantom_gateway.bridge.inside.kernel import Kernel
    from phantom_gateway.bridge.inside.sandbox import Layers

BEAT_S = 0.5
AT_ONCE = 256
"""Calls that one child takes; further connections wait for it or for another."""
_PROXIED = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


def run(said: Said, kernel: Kernel, layers: Layers, readable: list[str]) -> None:
    """The whole life of a child, in the process that was forked for it."""
    wanted = said.message
    listening, control = said.fds
    quiet = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(quiet, fd)
    _close_others({0, 1, 2, listening, control})
    os.umask(0o077)
    link = Link.of(control)
    try:
        way_out, token = _confined(wanted, kernel, layers, readable)
    except OSError as error:
        link.send({"failed": f"a child of the bridge cannot be confined: {error}"})
        return
    link.send({"ready": True, "token": token}, (way_out.fileno(),))
    way_out.close()
    with socket.socket(fileno=listening) as listener:
        listener.setblocking(False)
        asyncio.run(Child(link, listener, str(wanted["slot"])).serve())


def _confined(wanted: dict[str, Any], kernel: Kernel, layers: Layers, readable: list[str]) -> tuple[socket.socket, str]:
    """Put up the child's own walls; the socket that is the only way out, and what opens it. Raises OSError."""
    temporary = str(wanted["temporary"])
    sandbox.own_network(kernel, layers)
    way_out = socket.create_server(("127.0.0.1", 0))
    port, token = way_out.getsockname()[1], secrets.token_hex(16)
    sandbox.confine_child(kernel, layers, readable, temporary, port)
    sandbox.bound_memory(int(wanted["data"]))
    os.environ.update(dict.fromkeys(_PROXIED, f"http://bridge:{token}@127.0.0.1:{port}"))
    os.environ.update(TMPDIR=temporary, HOME=temporary)
    return way_out, token


def _close_others(kept: set[int]) -> None:
    below = 0
    for fd in sorted(kept):
        if below < fd:  # an empty range would be taken for all of them
            os.closerange(below, fd)
        below = fd + 1
    os.closerange(below, sandbox.MAX_FILES)


class Child:
    """Accepts and answers."""

    def __init__(self, link: Link, listener: socket.socket, slot: str) -> None:
        self._link = link
        self._listener = listener
        self._slot = slot
        self._served = 0
        self._running: set[asyncio.Task[None]] = set()
        self._ending = asyncio.Event()
        self._accepts = False

    async def serve(self) -> None:
        """Until the keeper says the end, or is gone."""
        loop = asyncio.get_running_loop()
        self._link.sock.setblocking(False)
        loop.add_reader(self._link.fileno(), self._heard)
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._accept_more()
            beat = tasks.create_task(self._beat())
            await self._ending.wait()
            self._accept_no_more()
            while self._running:
                await asyncio.wait(set(self._running))
            beat.cancel()
        loop.remove_reader(self._link.fileno())

    def _heard(self) -> None:
        try:
            said = self._link.receive()
        except (BlockingIOError, LinkError):
            return
        except OSError:
            said = None
        if said is None:
            os._exit(0)  # the keeper is gone, and with it the way out
        self._ending.set()

    async def _beat(self) -> None:
        while True:
            with contextlib.suppress(OSError):
                # a keeper that does not listen sees the next one
                self._link.send({"in_flight": len(self._running), "served": self._served, "cpu": time.process_time()})
            await asyncio.sleep(BEAT_S)

    def _accept_more(self) -> None:
        if not self._accepts and not self._ending.is_set() and len(self._running) < AT_ONCE:
            self._accepts = True
            asyncio.get_running_loop().add_reader(self._listener.fileno(), self._accept)

    def _accept_no_more(self) -> None:
        if self._accepts:
            self._accepts = False
            asyncio.get_running_loop().remove_reader(self._listener.fileno())

    def _accept(self) -> None:
        sock = http.accept(self._listener)
        if sock is None:
            return
        task = self._tasks.create_task(self._connection(sock))
        self._running.add(task)
        task.add_done_callback(self._done)
        if len(self._running) >= AT_ONCE:
            self._accept_no_more()

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        self._served += 1
        self._accept_more()

    async def _connection(self, sock: socket.socket) -> None:
        reader, writer = await http.adopt(sock)
        try:
            request = await http.read_request(reader)
            await self._until_left(reader, self._answer(request, writer))
        except (http.Malformed, asyncio.IncompleteReadError, TimeoutError, OSError):
            pass  # the worker is gone, or speaks nonsense: there is nobody to tell
        finally:
            writer.close()

    async def _until_left(self, reader: asyncio.StreamReader, work: Any) -> None:
        """Do ``work`` as long as the worker is there to hear of it: when it leaves, the SDK's call is stopped."""
        working = self._tasks.create_task(work)
        leaving = self._tasks.create_task(_left(reader))
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)
        if not working.cancelled() and (error := working.exception()) is not None:
            raise error

    async def _answer(self, request: http.Request, writer: asyncio.StreamWriter) -> None:
        answer = await calls.perform(request, self._slot)
        if isinstance(answer, Whole):
            writer.write(http.whole(answer.status, answer.body, answer.headers))
        else:
            await _stream(answer, writer)
        await writer.drain()


async def _stream(answer: Streamed, writer: asyncio.StreamWriter) -> None:
    headers = [("content-type", "text/event-stream"), ("transfer-encoding", "chunked"), *answer.headers]
    writer.write(http.head(200, headers))
    try:
        async for piece in answer.pieces:
            writer.write(http.chunk(piece))
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    finally:
        await answer.pieces.aclose()


async def _left(reader: asyncio.StreamReader) -> None:
    while await reader.read(4096):
        pass  # nothing follows a request; what does is not read
