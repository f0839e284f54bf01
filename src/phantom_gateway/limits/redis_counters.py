"""The shared counters, typed: what ``limits.scripts`` do, for ``limits.shared``."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from phantom_gateway.limits import scripts
from phantom_gateway.limits.redis_link import LinkGarbage, RedisLink
from phantom_gateway.spine.messages import LimitKind

MOST = 2**53 - 1
"""Lua counts in doubles: sums beyond this (9 million dollars) are not exact, so nobody is granted more."""
_SEPARATOR = "|"

Key = tuple[str, float]
"""(scope, window start)"""


class EpochChanged(Exception):
    """Redis was emptied or begun anew: everybody has to say again what he holds."""


class EpochClosed(Exception):
    """Not everybody has said what he holds."""


class SpentUnknown(Exception):
    """The database has to be asked what is spent, from now on; ``born`` is the life of the counter for which that holds."""

    def __init__(self, born: str) -> None:
        super().__init__(born)
        self.born = born


class StaleWord(Exception):
    """A later word of this node is known; ``seq`` is its number."""

    def __init__(self, seq: int) -> None:
        super().__init__(str(seq))
        self.seq = seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What a node says of one counter."""

    key: Key
    amount: int | None
    """What it holds; ``None``: nothing is said of that."""
    spent: tuple[int, int] | None
    """(nano-dollars, version) as last read from the database."""
    ttl_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a node would like to take."""

    need: int
    want: int
    debt: int
    amount: int
    kind: LimitKind
    sharers: int
    """Workers on all nodes."""
    dead_ms: int
    window: tuple[float, float]
    before: float
    """Start of the window before."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer: ``granted`` is 0 when refused; ``used`` counts over all nodes, this grant included."""

    granted: int
    used: int
    spent: int
    """Of a budget, as the database has it."""
    held: int
    """By all nodes."""
    past: int
    """In the window before, if it slides."""
    holders: tuple[str, ...]
    """Other nodes that hold some of it."""


@dataclass(frozen=True, slots=True)
class State:
    """The epoch in force."""

    epoch: str
    server: str
    open: bool


class RedisCounters:
    """The counters of one installation, as one node uses them. Every method may raise LinkDown or LinkGarbage."""

    def __init__(self, link: RedisLink, installation: str, node: str) -> None:
        self.link = link
        self.node = node
        self.prefix = f"phantom:{{{installation}}}"
        self._meta = f"{self.prefix}:meta"

    async def take(self, epoch: str, seq: int, word: Word, wish: Wish, born: str = "") -> Taken:
        """Take some; ``born``: of the SpentUnknown after which ``word.spent`` was read.

        Raises EpochChanged, EpochClosed, SpentUnknown, StaleWord.
        """
        spent, version = _spent(word)
        start, end = (int(min(bound, 1e11) * 1000) for bound in wish.window)
        keys = [
            self._meta,
            self._counter(epoch, word.key),
            self._counter(epoch, (word.key[0], wish.before)),
            self._index(epoch),
        ]
        answer = await self.link.script(
            scripts.TAKE,
            keys,
            [epoch, self.node, seq, min(word.amount or 0, MOST), min(wish.need, MOST), min(wish.want, MOST), wish.debt,
             min(wish.amount, MOST), wish.kind, spent, version, word.ttl_ms, wish.sharers, wish.dead_ms, start, end,
             _name(word.key), born],
        )  # fmt: skip
        self._judge(answer)
        granted, used, spent, held, past = map(int, answer[1:6])
        return Taken(granted, used, spent, held, past, tuple(answer[6:]))

    async def push(self, epoch: str, words: Sequence[tuple[int, Word]]) -> None:
        """Say (seq, word) of several counters. Raises EpochChanged or StaleWord; then any part may be said."""
        calls = []
        for seq, word in words:
            amount = "" if word.amount is None else min(word.amount, MOST)
            keys = [self._meta, self._counter(epoch, word.key), self._index(epoch)]
            calls.append((keys, [epoch, self.node, seq, amount, *_spent(word), word.ttl_ms, _name(word.key)]))
        for answer in await self.link.scripts(scripts.PUSH, calls):
            self._judge(answer)

    async def state(self) -> State | None:
        """The epoch in force, ``None`` when there is none."""
        epoch, server, is_open = await self.link.command("HMGET", self._meta, "epoch", "server", "open")
        return State(epoch, server or "", is_open == "1") if epoch else None

    async def begin(self, before: str) -> None:
        """Begin an epoch after ``before`` (empty: none), unless somebody was faster."""
        server = await self.link.server()
        await self.link.script(scripts.BEGIN, [self._meta], [before, secrets.token_hex(8), server])

    async def discard(self) -> None:
        """Remove the root of what is garbage; the counters of its epoch expire by themselves."""
        await self.link.command("DEL", self._meta)

    async def join(self, epoch: str) -> frozenset[str]:
        """Everything this node holds has been said; the nodes of which that is true."""
        keys = [self._meta, f"{self.prefix}:{epoch}:joined"]
        return frozenset(await self.link.script(scripts.JOIN, keys, [epoch, self.node]))

    async def open(self, epoch: str) -> None:
        """Allow grants."""
        await self.link.script(scripts.OPEN, [self._meta], [epoch])

    async def mine(self, epoch: str) -> list[Key]:
        """The counters of which this node is known to hold some: what it said in an earlier life."""
        names = await self.link.command("SMEMBERS", self._index(epoch))
        return [(scope, float(start)) for scope, _, start in (name.rpartition(_SEPARATOR) for name in names)]

    def _counter(self, epoch: str, key: Key) -> str:
        return f"{self.prefix}:{epoch}:c:{_name(key)}"

    def _index(self, epoch: str) -> str:
        return f"{self.prefix}:{epoch}:i:{self.node}"

    @staticmethod
    def _judge(answer: list[str]) -> None:
        match answer[0]:
            case "ok":
                return
            case "epoch":
                raise EpochChanged
            case "closed":
                raise EpochClosed
            case "load":
                raise SpentUnknown(answer[1])
            case "stale":
                raise StaleWord(int(answer[1]))
            case _:
                raise LinkGarbage("a counter is not a counter")


def _name(key: Key) -> str:
    return f"{key[0]}{_SEPARATOR}{key[1]!r}"


def _spent(word: Word) -> tuple[int | str, int | str]:
    return ("", "") if word.spent is None else (min(word.spent[0], MOST), word.spent[1])
