"""A client and an upstream of our own server, which behaves as the path says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.http.raw import serving

from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.client import HttpClient, Response, Timeouts, render_head
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.origin import Origin
from phantom_gateway.wire.responder import Responder

PATIENT = Timeouts(connect_s=5, first_byte_s=10, stall_s=10, total_s=30)


def origin_of(port: int) -> Origin:
    return Origin.of(Address(scheme="http", host="127.0.0.1", port=port, allow_private=("127.0.0.0/8",)))


@asynccontextmanager
async def upstream(
    *, max_connections: int = 2048, max_idle: int = 1024, idle_s: float = 55
) -> AsyncIterator[tuple[HttpClient, Origin, asyncio.Event]]:
    """A client and an upstream that behaves as the path says."""
    release = asyncio.Event()

    async def handler(request: Request, responder: Responder) -> None:
        if request.path == b"/hang":
            await release.wait()
        if request.path == b"/stream":
            responder.start(200, b"content-type: text/event-stream\r\n")
            responder.write(b"first")
            await release.wait()
            responder.finish(b"last")
        elif request.path == b"/cut":
            responder.start(200, b"")
            responder.write(b"first")
            await release.wait()
            responder.abort()
        elif request.path == b"/flood":
            responder.start(200, b"")
            on_writable = asyncio.Event()
            responder.on_writable = on_writable.set
            for _ in range(200):
                if not responder.write(b"x" * 65536):
                    on_writable.clear()
                    await on_writable.wait()
            responder.finish()
        else:
            responder.send(200, b"", request.method.encode() + b" " + request.body)

    async with serving(handler) as (_, port):
        client = HttpClient(
            max_connections_per_origin=max_connections, max_idle_per_origin=max_idle, idle_s=idle_s, sweep_s=0.02
        )
        try:
            yield client, origin_of(port), release
        finally:
            release.set()
            await client.close()


async def ask(
    client: HttpClient, origin: Origin, path: bytes = b"/", body: bytes = b"", timeouts: Timeouts = PATIENT
) -> Response:
    return await client.request(origin, render_head("POST", path, origin.host_header, b"", len(body)), body, timeouts)
