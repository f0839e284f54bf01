"""A worker's end of the spine: one unix-socket connection to control that heals itself.

Everything here runs on the worker's event loop. Requests are answered by sequence number; pushes go to a handler. While
control is away, requests fail at once with ``SpineDown`` and the worker goes on with what it knows.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

from phantom_gateway.spine.codec import FrameDecoder, SpineProtocolError, encode, worker_decoder
from phantom_gateway.spine.messages import (
    PROTOCOL_VERSION,
    AskConversation,
    Conversation,
    Explain,
    Heartbeat,
    Hello,
    Invalidate,
    LeaseAsk,
    LeaseAsks,
    LeaseGrant,
    LeaseGrants,
    Message,
    NewSnapshot,
    Recall,
    Resolve,
    Resolved,
    ResolvedSubject,
    ResolveSubject,
    ToWorker,
    Welcome,
)

if TYPE_CHECKING:
    from phantom_gateway.spine.messages import Limit

RECONNECT_S = 0.05
REQUEST_TIMEOUT_S = 5.0
SILENCE_S = 5.0
"""Control beats every second; a connection silent for this long is given up."""


class SpineDown(Exception):
    """Control cannot be reached or did not answer in time."""


class Listener(Protocol):
    """What the owner of the connection does with control's words."""

    def hello(self) -> Hello:
        """The first message, with everything held at this moment."""

    def welcomed(self, message: Welcome) -> None:
        """The handshake is complete."""

    def pushed(self, message: NewSnapshot | Invalidate | Recall | Explain | Heartbeat) -> None:
        """Control says something unasked."""

    def lost(self) -> None:
        """The connection is gone; another attempt follows."""


class _Connection(asyncio.Protocol):
    def __init__(self, receive: Callable[[ToWorker], None]) -> None:
        self._receive = receive
        self._decoder: FrameDecoder[ToWorker] = worker_decoder()
        self._transport: asyncio.Transport | None = None
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports do not inherit from asyncio's

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._decoder.feed(data):
                self._receive(message)
        except SpineProtocolError:
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.closed.done():
            self.closed.set_result(None)

    def send(self, message: Message) -> None:
        # uvloop's transports raise when they are written to between their end and the moment somebody hears of it
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(encode(message))

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()


class SpineClient:
    """Keeps a connection to control; ``run`` ends only by cancellation."""

    def __init__(self, path: str, listener: Listener) -> None:
        self._path = path
        self._listener = listener
        self._connection: _Connection | None = None
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._seq = 0
        self._heard = 0.0
        self.connected = False

    async def run(self) -> None:
        """Connect, shake hands, listen; again after a loss."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                _, connection = await loop.create_unix_connection(lambda: _Connection(self._received), self._path)
            except OSError:
                await asyncio.sleep(RECONNECT_S)
                continue
            self._connection = connection
            self._heard = loop.time()
            connection.send(self._listener.hello())
            try:
                await self._watch(connection)
            finally:
                connection.close()
                self._drop()
            await asyncio.sleep(RECONNECT_S)

    def send(self, message: Message) -> bool:
        """Send without expecting an answer. False when control is away."""
        if self._connection is None or not self.connected:
            return False
        self._connection.send(message)
        return True

    async def resolve(self, digest: str, user: str = "") -> Resolved:
        """The record of a key, for one without a user as if it belonged to ``user``. Raises SpineDown."""
        seq = self._next()
        answer: Resolved = await self._ask(Resolve(seq=seq, digest=digest, user=user), seq)
        return answer

    async def resolve_subject(self, entity: str, budget_id: str = "") -> ResolvedSubject:
        """The record of a customer or tag; ``budget_id`` is for a customer without a budget. Raises SpineDown."""
        seq = self._next()
        answer: ResolvedSubject = await self._ask(ResolveSubject(seq=seq, entity=entity, budget_id=budget_id), seq)
        return answer

    async def conversation(self, do: Literal["keep", "get", "drop"], name: str, content: bytes = b"") -> bytes | None:
        """Keep what was said, ask for it, or have it forgotten. Raises SpineDown."""
        seq = self._next()
        answer: Conversation = await self._ask(AskConversation(seq=seq, do=do, name=name, content=content), seq)
        return answer.content

    async def lease(self, limit: Limit, need: int, want: int) -> LeaseGrant:
        """A slice of a limit. Raises SpineDown."""
        seq = self._next()
        answer: LeaseGrant = await self._ask(LeaseAsk(seq=seq, limit=limit, need=need, want=want), seq)
        return answer

    async def leases(self, asks: Sequence[LeaseAsk]) -> tuple[LeaseGrant, ...]:
        """Slices of several limits. Raises SpineDown."""
        seq = self._next()
        answer: LeaseGrants = await self._ask(LeaseAsks(seq=seq, asks=tuple(asks)), seq)
        return answer.grants

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    async def _ask(self, message: Message, seq: int) -> Any:
        if self._connection is None or not self.connected:
            raise SpineDown("control is not connected")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[seq] = future
        self._connection.send(message)
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S):
                return await future
        except TimeoutError as error:
            raise SpineDown("control did not answer in time") from error
        finally:
            self._waiting.pop(seq, None)

    async def _watch(self, connection: _Connection) -> None:
        loop = asyncio.get_running_loop()
        while not connection.closed.done():
            # not wait_for: that of 3.11 loses a cancellation that comes together with the end
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SILENCE_S / 2):
                    await asyncio.shield(connection.closed)
            if loop.time() - self._heard > SILENCE_S:
                return

    def _drop(self) -> None:
        self._connection = None
        was_connected, self.connected = self.connected, False
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(SpineDown("control went away"))
        if was_connected:
            self._listener.lost()

    def _received(self, message: ToWorker) -> None:
        self._heard = asyncio.get_running_loop().time()
        if isinstance(message, Resolved | ResolvedSubject | Conversation | LeaseGrant | LeaseGrants):
            future = self._waiting.get(message.seq)
            if future is not None and not future.done():
                future.set_result(message)
        elif isinstance(message, Welcome):
            if message.version != PROTOCOL_VERSION:
                raise SpineProtocolError(f"control speaks version {message.version}")
            self.connected = True
            self._listener.welcomed(message)
        else:
            self._listener.pushed(message)
