"""Nodes that share one Redis and one database of spends, without anything around them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tests.support.servers import RedisServer

from phantom_gateway.config.redis_address import parse_redis_url
from phantom_gateway.limits.epochs import EpochKeeper
from phantom_gateway.limits.errors import TruthUnavailable
from phantom_gateway.limits.lending import Grant, NeedRecall
from phantom_gateway.limits.redis_counters import Key, RedisCounters
from phantom_gateway.limits.redis_link import RedisLink
from phantom_gateway.limits.shared import SharedAuthority
from phantom_gateway.spine.messages import Limit, LimitKind

NOW = 1_800_000_010.0


def limit(kind: LimitKind = "budget", amount: int = 100, window: str = "") -> Limit:
    """A limit of key k."""
    return Limit(scope=f"{kind}:key:k:{window}", kind=kind, entity="key:k", amount=amount, window=window)


@dataclass
class Truth:
    """The database: what is spent with its version, and who lives."""

    spent: dict[Key, tuple[int, int]] = field(default_factory=dict)
    living: set[str] = field(default_factory=set)
    down: bool = False
    reads: int = 0

    def commit(self, key: Key, amount: int) -> dict[Key, tuple[int, int]]:
        """Add to what is spent, as ingestion does; what the database says since."""
        spent, version = self.spent.get(key, (0, 0))
        self.spent[key] = (spent + amount, version + 1)
        return {key: self.spent[key]}

    async def read(self, keys: Sequence[Key]) -> Mapping[Key, tuple[int, int]]:
        """As ``store.spend.versions``."""
        if self.down:
            raise TruthUnavailable
        self.reads += 1
        return {key: self.spent.get(key, (0, 0)) for key in keys}

    async def alive(self) -> frozenset[str]:
        """All nodes that live."""
        if self.down:
            raise TruthUnavailable
        return frozenset(self.living)


class Node:
    """One node's authority; ``keeper.step`` is called by the test."""

    def __init__(self, server: RedisServer, truth: Truth, name: str, awaiting: Sequence[str] = ()) -> None:
        self.name = name
        truth.living.add(name)
        self.link = RedisLink(parse_redis_url(server.url))
        self.authority = SharedAuthority(RedisCounters(self.link, "test", name), truth.read, awaiting=awaiting, now=NOW)
        self.keeper = EpochKeeper(self.authority, truth.alive)
        if not awaiting:
            self.authority.hello(f"{name}-w", (), NOW)

    async def ask(self, of: Limit, need: int, want: int = 0, now: float = NOW, *, worker: str = "") -> Grant:
        """An ask that was recalled for in vain."""
        answer = await self.authority.decide(worker or f"{self.name}-w", of, need, want or need, now, recalled=True)
        assert isinstance(answer, Grant)
        return answer

    async def question(self, of: Limit, need: int) -> Grant | NeedRecall:
        """The first ask."""
        return await self.authority.decide(f"{self.name}-w", of, need, need, NOW)


async def settle(*nodes: Node) -> None:
    """Let every keeper do its work until grants are given."""
    for _ in range(40):
        if all([await node.keeper.step() for node in nodes]):
            return
        await asyncio.sleep(0.05)  # for the breaker
    raise AssertionError("the nodes do not come together")
