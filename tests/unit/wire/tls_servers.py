"""A TLS server of our own with a certificate of a throw-away authority, and a client for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import trustme
from tests.contract.http.raw import Recorder, bound_socket

from phantom_gateway.spine.snapshot import HttpLimits
from phantom_gateway.wire.client import HttpClient, Timeouts, render_head
from phantom_gateway.wire.egress import Egress
from phantom_gateway.wire.origin import Origin
from phantom_gateway.wire.server import HttpServer
from phantom_gateway.wire.tls import server_context

LOCAL = ("127.0.0.0/8", "::1/128")
TIMEOUTS = Timeouts(connect_s=2, first_byte_s=5, stall_s=5, total_s=10)


def answering(*rounds: list[str]) -> Callable[[str, int], Awaitable[list[str]]]:
    """A resolver that answers from ``rounds``, the last one for ever."""
    left = list(rounds)

    async def resolve(_host: str, _port: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


@asynccontextmanager
async def tls_server(folder: Path, ca: trustme.CA, name: str) -> AsyncIterator[tuple[Recorder, int]]:
    cert = ca.issue_cert(name)
    cert.private_key_pem.write_to_path(str(folder / "key.pem"))
    for blob in cert.cert_chain_pems:
        blob.write_to_path(str(folder / "cert.pem"), append=True)
    handler = Recorder()
    server = HttpServer(handler, HttpLimits())
    sock = bound_socket()
    port: int = sock.getsockname()[1]
    await server.start(sock, server_context(str(folder / "cert.pem"), str(folder / "key.pem")))
    try:
        yield handler, port
    finally:
        await server.drain(0.2)


async def fetch(origin: Origin) -> tuple[int, bytes]:
    client = HttpClient(egress=Egress(answering(["127.0.0.1"])))
    try:
        head = render_head("POST", b"/tls", origin.host_header, b"", 5)
        first = await client.request(origin, head, b"hello", TIMEOUTS)
        body = await first.read(1000)
        again = await client.request(origin, head, b"hello", TIMEOUTS)
        assert again.reused
        assert await again.read(1000) == body
        return first.status, body
    finally:
        await client.close()
        await asyncio.sleep(0.01)
