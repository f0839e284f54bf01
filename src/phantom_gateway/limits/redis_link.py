"""The line to Redis: every call ends within a hard time limit, and while nobody answers no call is even tried.

After a failure the breaker stays open for a moment that grows to a second; then one call tries again. So a Redis that is
unreachable costs a request at most one time limit, and usually nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, cast

from redis.asyncio import Connection, ConnectionPool, Redis, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError, ResponseError

from phantom_gateway.config.redis_address import RedisAddress

TIMEOUT_S = 0.5
"""For one call, connecting included."""
PAUSES_S = (0.1, 0.25, 0.5, 1.0)


class LinkDown(Exception):
    """Redis does not answer, or has not a moment ago."""


class LinkGarbage(Exception):
    """Redis answers, but what lies under our keys is not ours."""


class RedisLink:
    """Belongs to one event loop."""

    def __init__(self, address: RedisAddress, timeout_s: float = TIMEOUT_S) -> None:
        self.address = address
        self.connects = 0
        """Counts connections made: after each, the server may be another, or the same with its memory gone."""
        self._timeout_s = timeout_s
        self._client = _client(address, timeout_s, self._connected)
        self._shas: dict[str, str] = {}
        self._failures = 0
        self._closed_until = 0.0

    @property
    def up(self) -> bool:
        """Whether the last call was answered."""
        return not self._failures

    async def script(self, text: str, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:
        """Run a script. Raises LinkDown or LinkGarbage."""
        return (await self.scripts(text, [(keys, arguments)]))[0]

    async def scripts(self, text: str, calls: Sequence[tuple[Sequence[str], Sequence[str | int]]]) -> list[Any]:
        """Run a script several times on one way there and back. Raises LinkDown or LinkGarbage; then any part may be done."""
        for _ in range(2):
            sha = self._shas.get(text)
            if sha is None:
                sha = self._shas[text] = str(await self._do(self._client.script_load(text)))
            pipeline = self._client.pipeline(transaction=False)
            for keys, arguments in calls:
                pipeline.evalsha(sha, len(keys), *keys, *map(str, arguments))
            try:
                return list(await self._do(pipeline.execute()))
            except NoScriptError:
                self._shas.pop(text, None)  # it was restarted or flushed, and another call may have noticed first
        raise LinkDown("the script does not stay loaded")

    async def command(self, *words: str | int) -> Any:
        """Run one command. Raises LinkDown or LinkGarbage."""
        return await self._do(cast(Any, self._client).execute_command(*words))

    def subscription(self) -> PubSub:
        """For ``limits.recalls``: a connection of its own."""
        return self._client.pubsub(ignore_subscribe_messages=True)

    async def server(self) -> str:
        """Which run of which server answers: another id means that what was there may be gone. Raises LinkDown."""
        found = await self.command("INFO", "server")
        return str(found.get("run_id", ""))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()
        await self._client.connection_pool.aclose()

    async def _connected(self, connection: Any) -> None:
        await connection.on_connect()
        self.connects += 1

    async def _do(self, call: Any) -> Any:
        now = time.monotonic()
        if now < self._closed_until:
            if asyncio.iscoroutine(call):
                call.close()
            raise LinkDown("Redis has not answered a moment ago")
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await call
        except NoScriptError:
            raise
        except ResponseError as error:
            raise LinkGarbage(str(error)[:200]) from error
        except (RedisError, OSError, TimeoutError) as error:
            pause = PAUSES_S[min(self._failures, len(PAUSES_S) - 1)]
            self._failures += 1
            self._closed_until = time.monotonic() + pause
            raise LinkDown(f"Redis at {self.address.name} does not answer ({type(error).__name__})") from error
        self._failures = 0
        return answer


def _client(address: RedisAddress, timeout_s: float, connected: Callable[[Any], Awaitable[None]]) -> Redis:
    options: dict[str, Any] = {
        "db": address.db,
        "username": address.username or None,
        "password": address.password.reveal() if address.password else None,
        "socket_timeout": timeout_s,
        "socket_connect_timeout": timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": True,
        "redis_connect_func": connected,
        "max_connections": 64,
    }
    if address.socket:
        del options["socket_connect_timeout"]
        pool = ConnectionPool(connection_class=UnixDomainSocketConnection, path=address.socket, **options)
    else:
        kind = SSLConnection if address.tls else Connection
        pool = ConnectionPool(connection_class=kind, host=address.host, port=address.port, **options)
    return Redis(connection_pool=pool)
