"""Server and client joined as the gateway joins them: bytes through, back-pressure through, disconnects through."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.contract.http.raw import eventually, serving, talk

from phantom_gateway.spine.snapshot import Address
from phantom_gateway.wire.client import HttpClient, Response, Timeouts, render_head
from phantom_gateway.wire.errors import Truncated
from phantom_gateway.wire.message import Request
from phantom_gateway.wire.origin import Origin
from phantom_gateway.wire.responder import Responder

TIMEOUTS = Timeouts(connect_s=5, first_byte_s=10, stall_s=10, total_s=30)
PIECES = 400
PIECE = b"0123456789abcdef" * 4096
GET = b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


class Relay:
    """The shortest sink: upstream to client, pausing the one while the other is slow."""

    def __init__(self, response: Response, responder: Responder) -> None:
        self.response = response
        self.responder = responder
        responder.on_writable = response.resume

    def data(self, data: bytes, /) -> None:
        if not self.responder.write(data):
            self.response.pause()


class Producer:
    """An upstream that streams pieces and counts them."""

    def __init__(self) -> None:
        self.pieces = 0
        self.left = asyncio.Event()

    async def __call__(self, request: Request, responder: Responder) -> None:
        writable = asyncio.Event()
        responder.on_writable = writable.set
        responder.start(200, b"content-type: text/event-stream\r\n")
        try:
            for number in range(PIECES):
                if request.path == b"/cut" and number == 3:
                    responder.abort()
                    return
                writable.clear()
                if not responder.write(PIECE):
                    await writable.wait()
                self.pieces += 1
                if request.path == b"/slow":
                    await asyncio.sleep(0.01)
        except asyncio.CancelledError:
            self.left.set()
            raise
        responder.finish(b"end")


@asynccontextmanager
async def gateway() -> AsyncIterator[tuple[Producer, int]]:
    """A producer behind a relay; the relay's port."""
    producer = Producer()
    async with serving(producer) as (_, upstream_port):
        origin = Origin.of(Address(scheme="http", host="127.0.0.1", port=upstream_port, allow_private=("127.0.0.0/8",)))
        client = HttpClient()

        async def handler(request: Request, responder: Responder) -> None:
            head = render_head("GET", request.path, origin.host_header, b"", None)
            response = await client.request(origin, head, b"", TIMEOUTS)
            responder.start(response.status, [(b"content-type", response.get(b"content-type") or b"")])
            try:
                await response.relay(Relay(response, responder))
            except Truncated:
                responder.abort()
            else:
                responder.finish()

        async with serving(handler) as (_, port):
            yield producer, port
        await client.close()


async def test_a_slow_client_slows_the_upstream_and_loses_nothing() -> None:
    async with gateway() as (producer, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4096)
        writer.write(GET % b"/fast")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.2)
        held = producer.pieces
        await asyncio.sleep(0.1)
        assert producer.pieces == held < PIECES
        body = await asyncio.wait_for(reader.read(-1), 20)
        assert body.count(b"0123456789abcdef") > PIECES * 4000
        assert body.endswith(b"end\r\n0\r\n\r\n")
        assert producer.pieces == PIECES
        writer.close()
        await writer.wait_closed()


async def test_a_client_that_leaves_stops_the_upstream() -> None:
    async with gateway() as (producer, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(GET % b"/slow")
        await reader.readuntil(b"\r\n\r\n")
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        await asyncio.wait_for(producer.left.wait(), 5)
        held = producer.pieces
        await eventually(lambda: producer.pieces == held)


async def test_a_truncated_upstream_is_a_truncated_answer() -> None:
    async with gateway() as (_, port):
        got, closed = await talk(port, [GET % b"/cut"])
        assert closed
        assert b"0123456789abcdef" in got
        assert not got.endswith(b"0\r\n\r\n")
