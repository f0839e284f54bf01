"""A small client for Redis and Valkey: one connection, commands one after the other in flight, and a breaker.

Made for what may be missed: every command ends within the time limit, and while nobody answers no command is even tried. After a
failure the breaker stays open for a moment that grows to a second; then one command tries again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, cast

from phantom_gateway.wire.errors import UpstreamError
from phantom_gateway.wire.resp import RespError, RespFailure, RespReader, Value, command

if TYPE_CHECKING:
    from phantom_gateway.config.secret import Secret
    from phantom_gateway.wire.egress import Egress
    from phantom_gateway.wire.origin import Origin

PAUSES_S = (0.1, 0.25, 0.5, 1.0)
MAX_WAITING = 256
"""Commands in flight; what is beyond is not sent."""
MAX_UNSENT = 16 * 1024 * 1024
"""Bytes the server has not taken yet; what is beyond is not sent."""


class RedisDown(Exception):
    """Nobody answers, has not a moment ago, or answers something else than Redis would."""


class RedisRefused(Exception):
    """The server answers that the command failed."""


class _Connection(asyncio.Protocol):
    """Replies come in the order of the commands."""

    def __init__(self, max_value: int, all_open: set[_Connection]) -> None:
        self._reader = RespReader(max_value)
        self._all_open = all_open
        self._waiting: deque[asyncio.Future[Value]] = deque()
        self._transport: asyncio.Transport | None = None
        self.lost = False
        self.ended = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by its type
        self._all_open.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            for value in self._reader.feed(data):
                self._replied(value)
        except RespError as error:
            self.close(str(error))

    def connection_lost(self, _error: Exception | None) -> None:
        self.close("the connection ended")
        self._all_open.discard(self)
        self.ended.set()

    def _replied(self, value: Value) -> None:
        if not self._waiting:
            raise RespError("a reply to nothing")
        future = self._waiting.popleft()
        if not future.done():
            future.set_result(value)

    @property
    def is_full(self) -> bool:
        assert self._transport is not None
        return len(self._waiting) >= MAX_WAITING or self._transport.get_write_buffer_size() > MAX_UNSENT

    def send(self, data: bytes) -> asyncio.Future[Value]:
        assert self._transport is not None
        future: asyncio.Future[Value] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._transport.write(data)
        return future

    def close(self, reason: str) -> None:
        """Nobody can tell any more which reply belongs to which command: all of them are given up."""
        self.lost = True
        if self._transport is not None:
            self._transport.abort()
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(RedisDown(reason))
                future.exception()  # who waits may have left


class RedisClient:
    """Belongs to one event loop. ``login``: user name (may be empty), password and number of the database."""

    def __init__(
        self, egress: Egress, origin: Origin, login: tuple[str, Secret | None, int], timeout_s: float, max_value: int
    ) -> None:
        self._egress = egress
        self._origin = origin
        self._login = login
        self._timeout_s = timeout_s
        self._max_value = max_value
        self._connection: _Connection | None = None
        self._open: set[_Connection] = set()
        self._connecting: asyncio.Lock = asyncio.Lock()
        self._failures = 0
        self._closed_until = 0.0
        self._ended = False

    @property
    def up(self) -> bool:
        """Whether the last command was answered."""
        return not self._failures

    async def do(self, *words: bytes | str | int) -> Value:
        """Run one command. Raises RedisDown, RedisRefused."""
        loop = asyncio.get_running_loop()
        if self._ended or loop.time() < self._closed_until:
            raise RedisDown("Redis has not answered a moment ago")
        connection: _Connection | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._connected()
                if connection.is_full:
                    raise RedisRefused("too much is asked at once")
                value = await connection.send(command(*words))
        except (TimeoutError, UpstreamError, RedisDown) as error:
            if connection is not None:
                connection.close("given up")
            self._failed(loop.time())
            raise RedisDown(f"{self._origin!r} does not answer ({type(error).__name__})") from None
        self._failures = 0
        return _judged(value)

    async def close(self) -> None:
        """End; what is under way fails."""
        self._ended = True
        for connection in [*self._open]:
            connection.close("the client is closed")
            await connection.ended.wait()
        # one turn of the loop lets the transports close their sockets
        await asyncio.sleep(0)

    def _failed(self, now: float) -> None:
        if now < self._closed_until:
            return  # one of several that were under way together
        self._closed_until = now + PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
        self._failures += 1

    async def _connected(self) -> _Connection:
        if self._connection is not None and not self._connection.lost:
            return self._connection
        async with self._connecting:
            if self._connection is not None and not self._connection.lost:
                return self._connection
            _, connection = await self._egress.connect(
                self._origin, lambda: _Connection(self._max_value, self._open), self._timeout_s
            )
            try:
                await self._sign_in(connection)
            except BaseException:
                connection.close("not signed in")
                raise
            self._connection = connection
            return connection

    async def _sign_in(self, connection: _Connection) -> None:
        username, password, db = self._login
        steps = []
        if password is not None:
            steps.append(("AUTH", *((username,) if username else ()), password.reveal()))
        if db:
            steps.append(("SELECT", str(db)))
        for step in steps:
            try:
                _judged(await connection.send(command(*step)))
            except RedisRefused:
                raise RedisDown("Redis does not let us in") from None


def _judged(value: Value) -> Value:
    if isinstance(value, RespFailure):
        raise RedisRefused(value.message)
    return value
