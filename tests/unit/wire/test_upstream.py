"""One upstream connection: its timeouts and its cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from tests.contract.http.raw import eventually
from tests.contract.http.test_response_cases import Collect
from tests.unit.wire.upstreams import ask, upstream

from phantom_gateway.wire.client import Timeouts, render_head
from phantom_gateway.wire.errors import (
    BodyStalled,
    DeadlineExceeded,
    FirstByteTimeout,
)
from phantom_gateway.wire.response import Response
from phantom_gateway.wire.upstream import UpstreamConnection


async def test_first_byte_timeout() -> None:
    async with upstream() as (client, origin, _):
        with pytest.raises(FirstByteTimeout) as caught:
            await ask(client, origin, b"/hang", timeouts=Timeouts(first_byte_s=0.05))
        assert caught.value.sent
        assert not caught.value.received
        assert client.connections == 0


async def test_stall_and_deadline() -> None:
    async with upstream() as (client, origin, _):
        response = await ask(client, origin, b"/stream", timeouts=Timeouts(stall_s=0.05))
        with pytest.raises(BodyStalled) as stalled:
            await response.read(100)
        assert stalled.value.received
        sink = Collect()
        response = await ask(client, origin, b"/stream", timeouts=Timeouts(total_s=0.05))
        with pytest.raises(DeadlineExceeded):
            await response.relay(sink)
        assert sink.body == b"first"
        with pytest.raises(DeadlineExceeded):
            await ask(client, origin, b"/hang", timeouts=Timeouts(total_s=0.05))
        assert client.connections == 0


@pytest.mark.parametrize("stage", ["request", "read", "relay"])
async def test_cancelling_closes_the_connection(stage: str) -> None:
    async with upstream() as (client, origin, _):

        async def run() -> None:
            if stage == "request":
                await ask(client, origin, b"/hang")
            response = await ask(client, origin, b"/stream")
            await (response.read(100) if stage == "read" else response.relay(Collect()))

        task = asyncio.get_running_loop().create_task(run())
        await eventually(lambda: client.connections == 1)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client.connections == 0
        assert await (await ask(client, origin)).read(100) == b"POST "


class Grabber:
    """An owner that uses a connection again at once, as a request does that is woken by its release."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self.next: Coroutine[Any, Any, Response] | None = None

    def released(self, connection: UpstreamConnection) -> None:
        self.next = connection.exchange(self._head, b"", Timeouts(first_byte_s=10), 0.0)
        self.next.send(None)

    def lost(self, connection: UpstreamConnection) -> None:
        """Nobody asks."""


async def test_an_answer_that_came_whole_leaves_its_patience_to_nobody() -> None:
    async with upstream() as (client, origin, _):
        await (await ask(client, origin)).read(100)
        pool = client._pools[origin]
        connection = pool.take_idle()
        assert connection is not None
        connection._owner = owner = Grabber(render_head("POST", b"/hang", origin.host_header, b"", 0))
        head = render_head("POST", b"/", origin.host_header, b"", 0)
        answer = await connection.exchange(head, b"", Timeouts(stall_s=0.05), asyncio.get_running_loop().time())
        assert await answer.read(100) == b"POST "
        connection.check(asyncio.get_running_loop().time() + 1)
        assert not connection.transport.is_closing()
        assert owner.next is not None
        owner.next.close()
        connection.close()
