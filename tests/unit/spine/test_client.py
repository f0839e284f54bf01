"""The worker's end of the spine against a real unix socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvloop
from tests.unit.spine.samples import KEY, LIMIT, SNAPSHOT

from phantom_gateway.spine import client as client_module
from phantom_gateway.spine.client import SpineClient, SpineDown
from phantom_gateway.spine.codec import FrameDecoder, control_decoder, encode
from phantom_gateway.spine.messages import (
    PROTOCOL_VERSION,
    Ack,
    Heartbeat,
    Hello,
    LeaseAsk,
    LeaseGrant,
    Message,
    Resolve,
    Resolved,
    ToControl,
    Welcome,
)
from phantom_gateway.wire.tasks import TaskGroup


class Worker:
    """The listener: remembers what it was told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def hello(self) -> Hello:
        return Hello(version=PROTOCOL_VERSION, worker="w", slot=0, pid=1)

    def welcomed(self, message: Welcome) -> None:
        self.told.append(message)

    def pushed(self, message: Any) -> None:
        self.told.append(message)

    def lost(self) -> None:
        self.told.append("lost")


class Control(asyncio.Protocol):
    """The other end: answers as ``answer`` says; one object for all connections."""

    def __init__(self) -> None:
        self.heard: list[ToControl] = []
        self.connections = 0
        self.transport: asyncio.Transport | None = None
        self.answer: Callable[[ToControl], list[bytes]] = self.friendly
        self._decoder: FrameDecoder[ToControl] = control_decoder()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connections += 1
        self._decoder = control_decoder()

    def data_received(self, data: bytes) -> None:
        assert self.transport is not None
        for message in self._decoder.feed(data):
            self.heard.append(message)
            for part in self.answer(message):
                self.transport.write(part)

    def say(self, *messages: Message) -> None:
        assert self.transport is not None
        self.transport.write(b"".join(map(encode, messages)))

    def friendly(self, message: ToControl) -> list[bytes]:
        if isinstance(message, Hello):
            return [encode(Welcome(version=PROTOCOL_VERSION, revision=9, snapshot=SNAPSHOT))]
        if isinstance(message, Resolve):
            return [encode(Resolved(seq=message.seq, key=KEY if message.digest == "known" else None))]
        if isinstance(message, LeaseAsk):
            return [encode(LeaseGrant(seq=message.seq, granted=message.want))]
        return []

    def silent(self, message: ToControl) -> list[bytes]:
        return self.friendly(message) if isinstance(message, Hello) else []


@asynccontextmanager
async def joined(path: Path, *, up: bool = True) -> AsyncIterator[tuple[SpineClient, Worker, Control]]:
    """A client that runs, and control when ``up``."""
    control, worker, tasks = Control(), Worker(), TaskGroup()
    client = SpineClient(str(path / "spine.sock"), worker)
    server = await listen(path, control) if up else None
    tasks.spawn(client.run(), "spine")
    try:
        if up:
            await eventually(lambda: client.connected)
        yield client, worker, control
    finally:
        await tasks.cancel()
        if control.transport is not None:
            control.transport.abort()
        if server is not None:
            server.close()
            await server.wait_closed()
        await asyncio.sleep(0)


async def listen(path: Path, control: Control) -> asyncio.Server:
    return await asyncio.get_running_loop().create_unix_server(lambda: control, str(path / "spine.sock"))


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - conditions are about the other end
            await asyncio.sleep(0.005)


async def test_the_handshake(tmp_path: Path) -> None:
    async with joined(tmp_path) as (_, worker, control):
        assert control.heard == [worker.hello()]
        assert worker.told == [Welcome(version=PROTOCOL_VERSION, revision=9, snapshot=SNAPSHOT)]


async def test_questions_get_their_own_answers_in_any_order(tmp_path: Path) -> None:
    async with joined(tmp_path) as (client, _, control):
        kept: list[Resolve] = []

        def hold(message: ToControl) -> list[bytes]:
            assert isinstance(message, Resolve)
            kept.append(message)
            if len(kept) < 3:
                return []
            return [encode(Resolved(seq=ask.seq, key=KEY if ask.digest == "b" else None)) for ask in reversed(kept)]

        control.answer = hold
        answers = await asyncio.gather(*(client.resolve(digest) for digest in "abc"))
        assert [answer.key for answer in answers] == [None, KEY, None]


async def test_leases(tmp_path: Path) -> None:
    async with joined(tmp_path) as (client, _, control):
        assert (await client.lease(LIMIT, 1, 50)).granted == 50
        assert control.heard[-1] == LeaseAsk(seq=1, limit=LIMIT, need=1, want=50)


async def test_pushes_in_their_order(tmp_path: Path) -> None:
    async with joined(tmp_path) as (client, worker, control):
        beats = [Heartbeat(revision=number, key_epoch=0) for number in range(5)]
        control.say(*beats)
        await eventually(lambda: worker.told[1:] == beats)
        assert client.send(Ack(seq=1))
        await eventually(lambda: control.heard[-1] == Ack(seq=1))


async def test_nobody_there_fails_at_once_and_heals(tmp_path: Path) -> None:
    async with joined(tmp_path, up=False) as (client, worker, control):
        with pytest.raises(SpineDown):
            await client.resolve("known")
        assert not client.send(Ack(seq=1))
        server = await listen(tmp_path, control)
        await eventually(lambda: client.connected)
        assert (await client.resolve("known")).key == KEY
        assert "lost" not in worker.told
        server.close()


async def test_a_loss_ends_what_waits_and_is_told_once(tmp_path: Path) -> None:
    async with joined(tmp_path) as (client, worker, control):
        control.answer = control.silent
        waiting = asyncio.gather(client.resolve("a"), client.lease(LIMIT, 1, 1), return_exceptions=True)
        await eventually(lambda: len(control.heard) == 3)
        assert control.transport is not None
        control.transport.abort()
        assert [type(error) for error in await waiting] == [SpineDown, SpineDown]
        await eventually(lambda: control.connections == 2 and client.connected)
        assert worker.told.count("lost") == 1


async def test_an_answer_too_late_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "REQUEST_TIMEOUT_S", 0.05)
    async with joined(tmp_path) as (client, _, control):
        control.answer = control.silent
        with pytest.raises(SpineDown, match="in time"):
            await client.resolve("known")
        control.say(Resolved(seq=1, key=KEY))
        control.answer = control.friendly
        assert (await client.resolve("nobody")).key is None, "the late answer belongs to nobody"


async def test_a_silent_control_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "SILENCE_S", 0.1)
    async with joined(tmp_path) as (_, worker, control):
        await eventually(lambda: control.connections >= 2)
        assert "lost" in worker.told


@pytest.mark.parametrize("garbage", [b"\0\0\0\1\xc0", b"\xff" * 8, b"\0\0\0\0", b"HTTP/1.1 400 Bad Request\r\n\r\n"])
async def test_garbage_is_hung_up_on(tmp_path: Path, garbage: bytes) -> None:
    async with joined(tmp_path) as (client, worker, control):
        assert control.transport is not None
        control.transport.write(garbage)
        await eventually(lambda: control.connections == 2 and client.connected)
        assert worker.told.count("lost") == 1
        assert (await client.resolve("known")).key == KEY


async def test_half_a_message_waits_for_the_rest(tmp_path: Path) -> None:
    async with joined(tmp_path) as (_, worker, control):
        beat = Heartbeat(revision=1, key_epoch=2)
        assert control.transport is not None
        for byte in encode(beat):
            control.transport.write(bytes([byte]))
            await asyncio.sleep(0)
        await eventually(lambda: worker.told[1:] == [beat])


async def test_another_version_is_not_joined(tmp_path: Path) -> None:
    async with joined(tmp_path, up=False) as (client, worker, control):
        control.answer = lambda message: (
            [encode(Welcome(version=PROTOCOL_VERSION + 1, revision=1))] if isinstance(message, Hello) else []
        )
        server = await listen(tmp_path, control)
        await eventually(lambda: control.connections >= 2)
        assert not client.connected
        assert worker.told == []
        server.close()


def test_sending_right_after_the_end_raises_nothing() -> None:
    """On the loop that workers use: whoever sends in the turn of the loss has not heard of it yet."""

    async def run() -> None:
        ours, theirs = socket.socketpair()
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_unix_connection(lambda: client_module._Connection(lambda _: None), sock=ours)
        connection.close()
        connection.send(Ack(seq=1))
        await connection.closed
        connection.send(Ack(seq=2))
        assert theirs.recv(100) == b""
        theirs.close()

    uvloop.run(run())
