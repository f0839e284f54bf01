"""The authority of a node that shares its limits with others: the counters are in Redis, this node's part of them is here.

Same questions and answers as ``limits.authority``. A node says what its workers hold together, always as a whole; it alone may say
it; and its words are numbered. So a word can be lost, repeated or late without harm, and what is in Redis can be thrown away at
any time: it is made again from the database (what is spent) and from what every node says (what is held).

A budget's truth is the row in ``spend``; Redis keeps a copy with the row's version. When a node has taken a batch of its journal
into the database it says both in one word: the new spend, and that it holds so much less.

Nothing is granted in an epoch before every living node has said what it holds (``limits.epochs``). While Redis is away, budgets are
refused beyond what is leased, and rates go on with this node's share.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from phantom_gateway.limits.authority import FRUITLESS_RECALLS, IDLE_SECONDS, RECALL_PAUSE, RECOVERY_SECONDS
from phantom_gateway.limits.fences import Fences
from phantom_gateway.limits.lending import Grant, NeedRecall, Readings, Spends
from phantom_gateway.limits.mirror import Mirror
from phantom_gateway.limits.redis_counters import (
    MOST,
    EpochChanged,
    EpochClosed,
    Key,
    RedisCounters,
    SpentUnknown,
    StaleWord,
    Taken,
    Wish,
    Word,
)
from phantom_gateway.limits.redis_link import LinkDown, LinkGarbage
from phantom_gateway.limits.shares import even_share
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.spine.messages import HeldLease, Limit, Over

log = logging.getLogger(__name__)

ATTEMPTS = 4
"""To take something: the first may find a counter that is not there, a later one a word of an earlier life."""
PUSH_AT_ONCE = 200
RENEW_SECONDS = 10.0


ReadSpent = Callable[[Sequence[Key]], Awaitable[Readings]]
"""(nano-dollars, version) of budget windows, from the database. Raises TruthUnavailable."""


class SharedAuthority:
    """See the module's text. Belongs to one event loop."""

    def __init__(
        self, counters: RedisCounters, read_spent: ReadSpent, *, awaiting: Iterable[str] = (), now: float = 0.0
    ) -> None:
        """``awaiting``: as in ``Authority``."""
        self.versioned = True
        self.counters = counters
        self.read_spent = read_spent
        self.epoch = ""
        """In force as far as known; empty: none."""
        self.server = ""
        """The run of Redis in which this epoch is."""
        self.spoiled: str | None = None
        """The epoch in which something was found that is no counter."""
        self.verified = -1
        """Up to which connection that has been looked at."""
        self.granting = False
        """Every living node has said what it holds, this one included."""
        self.nodes = 1
        """That live, this one included."""
        self.place = 0
        """This node's place among them, from 0."""
        self.changed = asyncio.Event()
        """There is something to say."""
        self._mirrors: dict[Key, Mirror] = {}
        self._dirty: set[Key] = set()
        self._news: dict[Key, tuple[int, int]] = {}
        """Spend of counters of which this node holds nothing."""
        self._workers: dict[str, int] = {}
        """How often each has said hello."""
        self._outside: Mapping[Key, int] = {}
        self.fences = Fences()
        self._awaiting = set(awaiting)
        self._recovering_until = now + RECOVERY_SECONDS
        self._seq = time.time_ns() // 1000

    # --- leases -------------------------------------------------------------------------------------------------------

    @property
    def recovering(self) -> bool:
        """Whether holdings of some worker of this node are unknown after a restart."""
        return bool(self._awaiting)

    def awaiting(self) -> frozenset[str]:
        """The workers it waits for."""
        return frozenset(self._awaiting)

    def workers(self) -> frozenset[str]:
        """Workers that said hello and are not gone."""
        return frozenset(self._workers)

    def prepare(self, limits: Sequence[Limit], now: float) -> None:
        """Nothing: what is spent is read, if at all, when Redis does not know it."""

    async def decide(
        self, worker: str, limit: Limit, need: int, want: int, now: float, *, recalled: bool = False
    ) -> Grant | NeedRecall:
        """Grant at least ``need`` and at most ``want`` units, or refuse; ``NeedRecall`` is never returned with ``recalled``.

        Raises WindowSyntaxError and TruthUnavailable.
        """
        mirror = self._current(limit, now)
        budget = limit.kind == "budget"
        if limit.scope in self.fences or (self._awaiting and (budget or now < self._recovering_until)):
            return self._refusal(mirror, "recovering")
        greeting = self._workers.get(worker, 0)
        async with mirror.lock:
            held = mirror.held.get(worker, 0)
            try:
                taken = await self._take(mirror, held, (need, want), now)
                above = [] if taken.granted else await self._above(mirror, now)
                if above and not _bind(limit, above, need):
                    taken = await self._take(mirror, held, (need, need), now, bound=False)
            except (LinkDown, LinkGarbage, EpochChanged, EpochClosed) as error:
                if isinstance(error, LinkGarbage):
                    self.spoiled = self.epoch
                mirror.said = None  # perhaps it was carried out
                self._look(mirror)
                self.changed.set()
                if not budget:
                    return self._share(worker, mirror, need, want, now)
                return self._refusal(mirror, "unavailable" if isinstance(error, LinkDown) else "recovering")
            if taken.granted:
                mirror.fruitless = 0
                if self._workers.get(worker, 0) == greeting:  # else it has said hello meanwhile, and the grant is void
                    mirror.held[worker] = mirror.held.get(worker, 0) + taken.granted
        self._look(mirror)
        if not taken.granted:
            return self._refused(worker, mirror, (taken, *[each for _, each in above]), now, recalled=recalled)
        return self._grant(mirror, taken.granted, taken.used)

    def told(self, scope: str, window_start: float, workers: Iterable[str]) -> None:
        """Nothing: here nobody is asked to tell it."""

    def give_back(self, worker: str, scope: str, window_start: float, amount: int, now: float | None = None) -> None:
        """Take back unused units. A negative amount reports units used beyond what was granted, if anything was."""
        mirror = self._mirrors.get((scope, window_start))
        if mirror is None or (worker not in mirror.held and (amount >= 0 or worker not in self._workers)):
            return
        left = mirror.held.get(worker, 0) - amount
        mirror.held[worker] = left if mirror.limit.kind == "budget" else max(left, 0)
        if amount > 0:
            mirror.fruitless = 0
        if now is not None:
            mirror.touched = now
        self._look(mirror)

    def holders(self, scope: str) -> tuple[str, ...]:
        """This node's workers that hold some of ``scope``."""
        return tuple(
            dict.fromkeys(
                worker
                for mirror in self._mirrors.values()
                if mirror.limit.scope == scope
                for worker, held in mirror.held.items()
                if held > 0 and worker in self._workers
            )
        )

    # --- what happens to workers ----------------------------------------------------------------------------------------

    def hello(self, worker: str, held: Sequence[HeldLease], now: float) -> None:
        """``worker`` (re)connected and declares what it holds; this replaces what was known of it. As in ``Authority``."""
        self._workers[worker] = self._workers.get(worker, 0) + 1
        self._awaiting.discard(worker)
        for mirror in self._mirrors.values():
            if mirror.held.pop(worker, 0):
                self._look(mirror)
        for lease in held:
            mirror = self._mirror(lease.limit, lease.window_start, now)
            mirror.held[worker] = mirror.held.get(worker, 0) + lease.amount
            self._look(mirror)
        self.changed.set()

    def gone(self, worker: str) -> None:
        """``worker`` is dead and its journal is ingested and recovered: it holds nothing any more."""
        self._workers.pop(worker, None)
        self.fences.gone(worker)
        self._awaiting.discard(worker)
        for mirror in self._mirrors.values():
            if mirror.gone(worker):
                self._look(mirror)
        self.changed.set()

    # --- what the journals say --------------------------------------------------------------------------------------------

    def ingesting(self, worker: str, spends: Spends) -> None:
        """Rows are about to be committed: nothing to do, a reading of the database tells by its version what is in it."""

    def ingested(self, worker: str, spends: Spends, unheld: Spends = (), read: Readings | None = None) -> None:
        """Rows of ``worker`` are committed; ``read`` is what the database says of their windows since, ``unheld`` included."""
        for scope, start, amount in spends:
            mirror = self._mirrors.get((scope, start))
            if mirror is not None:
                mirror.held[worker] = mirror.held.get(worker, 0) - amount
        self.learn(read or {})

    def learn(self, read: Readings) -> None:
        """Readings of the database, after ingestion or a correction by an administrator."""
        for key, spent in read.items():
            mirror = self._mirrors.get(key)
            if mirror is not None:
                mirror.learn(spent)
                self._dirty.add(key)
            elif key not in self._news or self._news[key][1] < spent[1]:
                self._news[key] = spent
        self.changed.set()

    def fence(self, scopes: Iterable[str]) -> None:
        """As in ``Authority``, for the workers of this node."""
        self.fences.put(scopes, self._workers.keys() | self._awaiting)

    def set_outside(self, amounts: Mapping[Key, int]) -> None:
        """As in ``Authority``: counted with what this node holds."""
        for key in self._outside.keys() | amounts.keys():
            mirror = self._mirrors.get(key)
            if mirror is not None:
                mirror.outside = amounts.get(key, 0)
                self._look(mirror)
        self._outside = amounts

    def set_spent(self, scope: str, window_start: float, amount: int) -> None:
        """Nothing: a correction is learned with its version (``learn``)."""

    def expire(self, now: float) -> int:
        """Drop counters nobody needs, and renew those that are held; call it every few seconds. Returns how many are left."""
        self._mirrors = {
            key: mirror
            for key, mirror in self._mirrors.items()
            if key in self._dirty or mirror.lock.locked() or not mirror.idle(now, IDLE_SECONDS)
        }
        for key, mirror in self._mirrors.items():
            if mirror.said and now - mirror.said_at >= RENEW_SECONDS:
                self._dirty.add(key)
        if self._dirty:
            self.changed.set()
        return len(self._mirrors)

    # --- for limits.epochs ------------------------------------------------------------------------------------------------

    def enter(self, epoch: str, server: str) -> None:
        """Another epoch is in force: nothing of what was said counts, and what is spent has to be read again."""
        self.epoch, self.server, self.granting = epoch, server, False
        self._news.clear()
        for key, mirror in self._mirrors.items():
            mirror.said, mirror.spent = None, None
            self._dirty.add(key)

    async def verify(self) -> None:
        """Look whether the run of Redis that answers is still the one of this epoch. Raises EpochChanged, LinkDown."""
        connects = self.counters.link.connects
        if connects != self.verified:
            if await self.counters.link.server() != self.server:
                raise EpochChanged
            self.verified = connects

    async def adopt(self) -> None:
        """Say anew what this node said of counters in an earlier life, now that all its journals are taken in.

        Raises LinkDown, LinkGarbage, EpochChanged, TruthUnavailable.
        """
        keys = [key for key in await self.counters.mine(self.epoch) if key not in self._mirrors]
        for start in range(0, len(keys), PUSH_AT_ONCE):
            chunk = keys[start : start + PUSH_AT_ONCE]
            read = await self.read_spent([key for key in chunk if key[0].startswith("budget:")])
            await self._push([Word(key=key, amount=0, spent=read.get(key), ttl_ms=3_600_000) for key in chunk])

    async def say(self) -> None:
        """Say everything that is to be said. Raises LinkDown, LinkGarbage, EpochChanged, TruthUnavailable.

        Nobody may be told that this node holds less of a budget before he is told what has become of it. While holdings of some
        worker are unknown, nothing is said at all: what was said in an earlier life stands.
        """
        while (self._dirty or self._news) and not self._awaiting:
            mirrors = [self._mirrors[key] for key in list(self._dirty)[:PUSH_AT_ONCE] if key in self._mirrors]
            self._dirty.intersection_update(self._mirrors)
            mirrors = [mirror for mirror in mirrors if not mirror.lock.locked()]  # those say it themselves
            if not mirrors and not self._news:
                await asyncio.sleep(0.005)
                continue
            for mirror in mirrors:
                await mirror.lock.acquire()
            try:
                unread = [each.key for each in mirrors if each.limit.kind == "budget" and each.spent is None]
                if unread:
                    self.learn(await self.read_spent(unread))
                await self._say(mirrors)
            finally:
                for mirror in mirrors:
                    mirror.lock.release()

    # --- inside ---------------------------------------------------------------------------------------------------------

    async def _say(self, mirrors: list[Mirror]) -> None:
        words = [mirror.word() for mirror in mirrors]
        told = list(self._news)[:PUSH_AT_ONCE]
        news = [Word(key=key, amount=None, spent=self._news.pop(key), ttl_ms=0) for key in told]
        self._dirty.difference_update(mirror.key for mirror in mirrors)
        try:
            await self._push([*words, *news])
        except BaseException:
            self._dirty.update(mirror.key for mirror in mirrors)
            for word in news:
                if word.spent is not None:
                    self._news.setdefault(word.key, word.spent)
            raise
        now = time.time()
        for mirror, word in zip(mirrors, words, strict=True):
            mirror.confirmed(word.amount or 0, now)
            self._look(mirror)

    async def _push(self, words: Sequence[Word]) -> None:
        for _ in range(ATTEMPTS):
            try:
                await self.counters.push(self.epoch, [(self._number(), word) for word in words])
            except StaleWord as later:
                self._seq = max(self._seq, later.seq)
            else:
                return
        raise LinkGarbage("words of this node come from the future")

    async def _above(self, mirror: Mirror, now: float) -> list[tuple[Over, Taken]]:
        """How the counters stand that say whether a limit binds."""
        found = []
        for over in mirror.limit.over:
            other = self._mirrors.get((over.scope, mirror.start))
            if other is not None:
                async with other.lock:
                    found.append((over, await self._take(other, 0, (0, 0), now)))
        return found

    async def _take(
        self, mirror: Mirror, held: int, sizes: tuple[int, int], now: float, *, bound: bool = True
    ) -> Taken:
        """One way to Redis, more where it has to be told something first. The caller holds the lock."""
        if not self.granting:
            raise LinkDown("the shared limiter is not joined") if not self.counters.link.up else EpochClosed
        need, want = sizes
        limit = mirror.limit
        wish = Wish(
            need=need,
            want=max(want, need),
            debt=-min(held, 0),
            amount=limit.amount if bound else MOST,
            kind=limit.kind,
            sharers=max(len(self._workers), 1) * self.nodes,
            dead_ms=mirror.dead_ms,
            window=(mirror.start, mirror.end),
            before=2 * mirror.start - mirror.end if mirror.slides else 0.0,
        )
        born = ""
        for _ in range(ATTEMPTS):
            word = mirror.word()
            try:
                taken = await self.counters.take(self.epoch, self._number(), word, wish, born)
            except SpentUnknown as unknown:
                born = unknown.born
                mirror.learn((await self.read_spent([mirror.key]))[mirror.key])
            except StaleWord as later:
                self._seq = max(self._seq, later.seq)
            else:
                await self.verify()
                mirror.confirmed((word.amount or 0) + max(taken.granted - wish.debt, 0), now)
                return taken
        raise EpochClosed

    def _share(self, worker: str, mirror: Mirror, need: int, want: int, now: float) -> Grant:
        """A rate while Redis is away: this node's even share, counted here."""
        share = even_share(mirror.limit.amount, max(self.nodes, 1), self.place)
        used = mirror.amount
        before = self._mirrors.get((mirror.limit.scope, 2 * mirror.start - mirror.end)) if mirror.slides else None
        if before is not None:
            used += math.ceil(before.amount * max((mirror.end - now) / (mirror.end - mirror.start), 0.0))
        left = share - used
        if need > left:
            past = 0 if before is None else before.amount
            # The worker reckons with the whole limit, of which the others' shares are taken here.
            taken = mirror.limit.amount - share
            refusal = self._refusal(mirror, "exhausted", max(left, 0), used)
            return refusal._replace(current=mirror.amount + taken, before=past)
        granted = max(need, min(want, left // (2 * max(len(self._workers), 1))))
        mirror.held[worker] = mirror.held.get(worker, 0) + granted
        self._dirty.add(mirror.key)
        return Grant(granted, mirror.start, _finite(mirror.end), left - granted, used + granted)

    def _refused(
        self, worker: str, mirror: Mirror, answers: tuple[Taken, ...], now: float, *, recalled: bool
    ) -> Grant | NeedRecall:
        """``answers``: of the counter itself, and of those that say whether it binds: what is not used of them does not count."""
        taken, scopes = answers[0], tuple([over.scope for over in mirror.limit.over])
        others = [
            name for name, amount in mirror.held.items() if amount > 0 and name != worker and name in self._workers
        ]
        others += [name for scope in scopes for name in self.holders(scope)]
        nodes = tuple(dict.fromkeys([node for answer in answers for node in answer.holders]))
        if recalled:
            mirror.fruitless += 1
            if mirror.fruitless >= FRUITLESS_RECALLS:
                mirror.pause_until = now + RECALL_PAUSE
        elif (others or nodes) and not (mirror.fruitless >= FRUITLESS_RECALLS and now < mirror.pause_until):
            return NeedRecall(tuple(dict.fromkeys(others)), nodes, scopes)
        refusal = self._refusal(mirror, "exhausted", max(mirror.limit.amount - taken.used, 0), taken.used)
        held = mirror.held.get(worker, 0)
        return refusal._replace(spent=taken.spent, held=held, current=taken.held, before=taken.past)

    @staticmethod
    def _refusal(mirror: Mirror, reason: str, remaining: int = 0, used: int = 0) -> Grant:
        return Grant(0, mirror.start, _finite(mirror.end), remaining, used, reason)

    @staticmethod
    def _grant(mirror: Mirror, granted: int, used: int) -> Grant:
        return Grant(granted, mirror.start, _finite(mirror.end), max(mirror.limit.amount - used, 0), used)

    def _look(self, mirror: Mirror) -> None:
        """Say it when it differs from what was said."""
        if mirror.said != mirror.amount:
            self._dirty.add(mirror.key)
            self.changed.set()

    def _current(self, limit: Limit, now: float) -> Mirror:
        if limit.kind == "parallel":
            return self._mirror(limit, 0.0, now)
        start, end = window_bounds(limit.window, now, limit.anchor)
        return self._mirror(limit, start, now, end)

    def _mirror(self, limit: Limit, start: float, now: float, end: float | None = None) -> Mirror:
        key = (limit.scope, start)
        mirror = self._mirrors.get(key)
        if mirror is None:
            if end is None:
                end = math.inf if limit.kind == "parallel" else window_bounds(limit.window, start, limit.anchor)[1]
            mirror = self._mirrors[key] = Mirror(limit, (start, end), now)
            mirror.outside = self._outside.get(key, 0)
            known = self._news.pop(key, None)
            if known is not None:
                mirror.learn(known)
        mirror.limit, mirror.touched = limit, now
        return mirror

    def _number(self) -> int:
        self._seq += 1
        return self._seq


def _bind(limit: Limit, above: Sequence[tuple[Over, Taken]], need: int) -> bool:
    """See ``Limit.over``; the asker's own part of the limit of the same kind is taken already."""
    return any(
        taken.used - (need if over.scope.startswith(f"{limit.kind}:") else 0) >= over.amount for over, taken in above
    )


def _finite(end: float) -> float:
    return 0.0 if end == math.inf else end
