"""A client that sends exactly the bytes it is told, and a server that remembers what reached its handler."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from phantom_gateway.spine.snapshot import HttpLimits
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.responder import Responder
from phantom_gateway.wire.server import Handler, HttpServer

LIMITS = HttpLimits()


def bound_socket() -> socket.socket:
    """A TCP socket on a free local port."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock


@asynccontextmanager
async def serving(handler: Handler, limits: HttpLimits = LIMITS) -> AsyncIterator[tuple[HttpServer, int]]:
    """A running server and its port."""
    server = HttpServer(handler, limits)
    sock = bound_socket()
    port: int = sock.getsockname()[1]
    await server.start(sock)
    try:
        yield server, port
    finally:
        await server.drain(0.2)


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """The port of a local server that runs ``serve`` per connection; every connection is closed at the end."""
    running: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running[task] = writer
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)

    server = await asyncio.start_server(held, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in running.items():
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()
        for _ in range(3):  # aborted transports close their sockets in the next turns of the loop
            await asyncio.sleep(0)


class Recorder:
    """A handler that remembers requests and answers 200 with the path."""

    def __init__(self) -> None:
        self.seen: list[Request] = []

    async def __call__(self, request: Request, responder: Responder) -> None:
        self.seen.append(request)
        responder.send(200, [(b"content-type", b"text/plain")], b"answer to " + request.path)


async def talk(port: int, parts: Sequence[bytes], *, eof: bool = False, until: bytes = b"") -> tuple[bytes, bool]:
    """Send ``parts`` one by one; return what came back and whether the server closed.

    Reads until the server closes, or until ``until`` was seen.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    got = b""
    closed = False
    sender = asyncio.get_running_loop().create_task(_send(writer, parts, eof=eof))
    try:
        async with asyncio.timeout(10):
            while not (until and until in got):
                try:
                    data = await reader.read(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    closed = True
                    break
                got += data
    finally:
        sender.cancel()
        await asyncio.gather(sender, return_exceptions=True)
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
    return got, closed


async def _send(writer: asyncio.StreamWriter, parts: Sequence[bytes], *, eof: bool) -> None:
    for part in parts:
        writer.write(part)
        await writer.drain()
        await asyncio.sleep(0)
    if eof:
        writer.write_eof()


def statuses(raw: bytes) -> list[int]:
    """The statuses of all responses in ``raw`` (their bodies must not look like status lines)."""
    return [int(piece[:3]) for piece in raw.split(b"HTTP/1.1 ")[1:]]


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until ``condition`` holds; a test polls what has no event of its own."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 (sockets closing elsewhere raise no event here)
            await asyncio.sleep(0.005)
