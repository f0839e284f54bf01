"""The Redis of the cache, as control looks at it and empties it. Only what this installation has put there is ever removed."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from phantom_gateway.config.redis_address import DEFAULT_PORT, RedisAddress
from phantom_gateway.control.errors import ApiError
from phantom_gateway.limits.redis_link import LinkDown, LinkGarbage, RedisLink
from phantom_gateway.security.sealed_entry import EntrySealer
from phantom_gateway.spine.snapshot import CacheRules, RedisPlace

AT_ONCE = 500
TIMEOUT_S = 2.0

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class CacheRedis:
    """One conversation. Every method raises LinkDown or LinkGarbage."""

    link: RedisLink
    sealer: EntrySealer

    async def ping(self) -> None:
        """Whether it answers, and takes and gives back what it is given."""
        name, said = self.sealer.place("ping:" + secrets.token_hex(8)), secrets.token_hex(8)
        await self.link.command("SET", name, said, "PX", 10_000)
        if await self.link.command("GET", name) != said:
            raise LinkGarbage("it does not keep what it is given")
        await self.link.command("DEL", name)

    async def forget(self, names: Sequence[str]) -> int:
        """Remove entries; how many there were."""
        return int(await self.link.command("DEL", *[self.sealer.place(name) for name in names]))

    async def empty(self) -> int:
        """Remove all entries of this installation; how many there were."""
        cursor, count = "0", 0
        while True:
            answer = await self.link.command("SCAN", cursor, "MATCH", self.sealer.prefix + "*", "COUNT", AT_ONCE)
            cursor, names = str(answer[0]), answer[1]
            if names:
                count += int(await self.link.command("DEL", *names))
            if cursor == "0":
                return count

    async def info(self) -> JsonObject:
        """What the server says of itself."""
        info = await self.link.command("INFO")
        return {name: value for name, value in info.items() if isinstance(value, str | int | float | bool)}

    async def clients(self) -> list[JsonObject]:
        """Who is connected; nobody where asking is not allowed."""
        try:
            found = await self.link.command("CLIENT LIST")
        except LinkGarbage:
            return []
        return [dict(each) for each in found] if isinstance(found, list) else []


@asynccontextmanager
async def cache_redis(rules: CacheRules) -> AsyncIterator[CacheRedis]:
    """The Redis of ``rules``, which must have one. Raises ApiError 503 when it does not answer."""
    place = rules.redis
    assert place is not None, "asked only where there is a Redis"
    link = RedisLink(address_of(place), TIMEOUT_S)
    try:
        yield CacheRedis(link, EntrySealer(rules.secret))
    except (LinkDown, LinkGarbage) as error:
        raise ApiError(503, f"The cache does not answer: {error}", kind="service_unavailable_error") from error
    finally:
        await link.close()


def address_of(place: RedisPlace) -> RedisAddress:
    """The address in the words of the client that control has."""
    address = place.address
    return RedisAddress(
        host=address.host,
        port=address.port or DEFAULT_PORT,
        socket=address.socket_path,
        username=place.username,
        password=place.password,
        db=place.db,
        tls=address.scheme == "https",
    )
