"""The server: limits, overload, drain, sockets."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from pathlib import Path

import pytest
from tests.contract.http.raw import Recorder, eventually, serving, statuses, talk

from phantom_gateway.spine.snapshot import HttpLimits
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.responder import Responder
from phantom_gateway.wire.server import HttpServer

GET = b"GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


async def test_requests_per_connection_and_allowed_hosts() -> None:
    limits = HttpLimits(max_requests_per_connection=2, allowed_hosts=("localhost",))
    async with serving(Recorder(), limits) as (server, port):
        got, closed = await talk(port, [GET * 3])
        assert closed
        assert statuses(got) == [200, 200]
        got, closed = await talk(port, [GET.replace(b"localhost", b"evil.example")])
        assert statuses(got) == [421]
        got, closed = await talk(port, [GET.replace(b"localhost", b"")])
        assert statuses(got) == [400], "no host is none of those allowed (RFC 9110, 4.2.1)"
        server.set_limits(HttpLimits())
        got, _ = await talk(port, [GET.replace(b"localhost", b"evil.example") + LAST])
        assert statuses(got) == [200, 200]


async def test_too_many_connections() -> None:
    async with serving(Recorder(), HttpLimits(max_connections=1)) as (server, port):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await eventually(lambda: server.connections == 1)
        got, closed = await talk(port, [GET])
        assert closed
        assert statuses(got) == [503]
        writer.close()
        await writer.wait_closed()
        await eventually(lambda: server.connections == 0)
        got, _ = await talk(port, [LAST])
        assert statuses(got) == [200]


async def test_drain_closes_idle_answers_running_and_cuts_the_rest() -> None:
    release = asyncio.Event()
    cancelled = asyncio.Event()

    async def handler(request: Request, responder: Responder) -> None:
        if request.path == b"/slow":
            await release.wait()
        elif request.path == b"/never":
            try:
                await asyncio.sleep(30)
            finally:
                cancelled.set()
        responder.send(200, [], b"done")

    async with serving(handler) as (server, port):
        idle = asyncio.get_running_loop().create_task(talk(port, [GET]))
        slow = asyncio.get_running_loop().create_task(talk(port, [GET.replace(b"/x", b"/slow")]))
        never = asyncio.get_running_loop().create_task(talk(port, [GET.replace(b"/x", b"/never")]))
        await eventually(lambda: server.in_flight == 2 and server.requests == 3)
        draining = asyncio.get_running_loop().create_task(server.drain(0.3))
        got, closed = await idle
        assert closed
        release.set()
        got, closed = await slow
        assert closed
        assert statuses(got) == [200]
        assert b"connection: close" in got
        await draining
        assert cancelled.is_set()
        got, closed = await never
        assert closed
        assert statuses(got) == [503]
        assert server.connections == 0
        with pytest.raises(OSError, match=r".*"):
            await asyncio.open_connection("127.0.0.1", port)


async def test_unix_socket_and_fallback() -> None:
    def fallback(status: int, reason: str, path: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
        return [(b"x-odd", b"1")], f"{status} {reason} at ".encode() + path

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "s")
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(path)
        handler = Recorder()
        server = HttpServer(handler, HttpLimits(), fallback=fallback)
        await server.start(sock)
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(GET + b"POST /b?c HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n")
        got = await asyncio.wait_for(reader.read(-1), 5)
        assert statuses(got) == [200, 413]
        assert b"x-odd: 1\r\n" in got
        assert got.endswith(b"413 request body too large at /b")
        assert handler.seen[0].peer == "unix"
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        await server.drain(1)
