"""The cache: a request that was answered before is answered again, without asking anybody and for nothing.

Exact: everything that could change the answer is in its name (``caching.naming``), whose it is first of all. An answer is kept as
the caller was sent it, whole or as a stream, and given again byte by byte. Off, it costs a request nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from phantom_gateway.gateway.caching import naming
from phantom_gateway.gateway.caching.entry import Entry, Recorder, is_counted, is_sound, is_worth
from phantom_gateway.gateway.caching.memory import MemoryStore
from phantom_gateway.spine.messages import CACHED, CACHED_ALL

if TYPE_CHECKING:
    from collections.abc import Iterable

    from phantom_gateway.gateway.caching.controls import Controls
    from phantom_gateway.gateway.exchange import Exchange
    from phantom_gateway.gateway.table import Group, Table, Target
    from phantom_gateway.gateway.ways import Tap
    from phantom_gateway.spine.snapshot import CacheRules
    from phantom_gateway.wire.egress import Egress
    from phantom_gateway.wire.tasks import TaskGroup


MAX_REVISIONS = 20_000
"""Groups whose configuration is remembered as a digest."""


class Store(Protocol):
    """Where entries are kept."""

    async def get(self, name: str, now: float) -> Entry | None:
        """An entry in force."""

    def put(self, name: str, entry: Entry, now: float) -> None:
        """Keep one."""

    def forget(self, names: Iterable[str]) -> None:
        """Drop some."""

    def clear(self) -> None:
        """Drop all."""

    def sweep(self, now: float) -> None:
        """Drop what is expired."""

    async def close(self) -> None:
        """End."""


class Lookup:
    """What the cache has to do with one exchange."""

    __slots__ = ("_cache", "_generation", "_recorder", "entry", "limit", "name", "shared", "ttl_s")

    def __init__(self, cache: AnswerCache, name: str, rules: CacheRules, ttl_s: float, *, shared: bool) -> None:
        self._cache = cache
        self._generation = cache.generation
        self._recorder: Recorder | None = None
        self.name = name
        """Of the answer, as ``x-litellm-cache-key`` has it."""
        self.limit = rules.max_answer
        self.ttl_s = ttl_s
        """How long the answer is kept; 0: it is not."""
        self.shared = shared
        """Whether others than its own key are given it."""
        self.entry: Entry | None = None
        """The answer, when it came from the cache."""

    def listen(self, tap: Tap) -> Tap:
        """Stand in the stream that answers."""
        if not self.ttl_s:
            return tap
        self._recorder = Recorder(tap, self.limit)
        return self._recorder

    def keep_stream(self, exchange: Exchange) -> None:
        """The stream has come to its proper end."""
        body = None if self._recorder is None else self._recorder.heard()
        if body is not None and is_sound(body):
            self.keep(exchange, body)

    def keep(self, exchange: Exchange, body: bytes) -> None:
        """The caller was sent ``body`` in answer; it is the answer of who was asked first, or it is not kept."""
        accounting, call, target = exchange.accounting, exchange.call, exchange.target
        if not self.ttl_s or len(body) > self.limit or exchange.fallbacks or target is None:
            return
        if self._generation != self._cache.generation or not is_counted(accounting.usage, exchange.operation):
            return
        if not is_worth(body, bounded=call.output_limit is not None, shared=self.shared):
            return
        now = time.time()
        entry = Entry(
            at=now,
            until=now + self.ttl_s,
            deployment_id=target.id,
            upstream_model=accounting.upstream_model,
            usage=accounting.usage,
            cost=accounting.cost.total,
            body=body,
        )
        self._cache.put(self.name, entry, now)


class AnswerCache:
    """One per worker; keeps nothing until it is told rules."""

    def __init__(self, egress: Egress, tasks: TaskGroup) -> None:
        self._egress = egress
        self._tasks = tasks
        self._rules: CacheRules | None = None
        self._secret = b""
        self._store: Store = MemoryStore(0, 0)
        self._revisions: dict[int, tuple[Group, bytes]] = {}
        self.generation = 0
        """Counts what was forgotten: an answer that was asked for before is not kept after."""

    def configure(self, rules: CacheRules | None) -> None:
        """Rules of a new snapshot; entries stay where the place stays the same."""
        before, self._rules = self._rules, rules
        self._revisions.clear()
        if rules == before:
            return
        self._secret = bytes.fromhex(rules.secret.reveal()) if rules else b""
        if rules is not None and rules.redis is None and isinstance(self._store, MemoryStore):
            self._store.resize(rules.max_bytes, rules.max_entries)
            return
        self._tasks.spawn(self._store.close(), "end a cache")
        if rules is not None and rules.redis is not None:
            # Here, because most workers need neither its client nor its cipher, and their memory counts.
            from phantom_gateway.gateway.caching.shared import SharedStore

            self._store = SharedStore(rules, self._egress, self._tasks)
        else:
            self._store = MemoryStore(*((rules.max_bytes, rules.max_entries) if rules else (0, 0)))

    async def answer(self, exchange: Exchange, table: Table) -> bool:
        """Answer from the cache, or note that the answer may be kept. Raises ApiError when it cannot be recorded."""
        rules = self._rules
        if rules is None or not self._serves(exchange, rules):
            return False
        controls = exchange.wishes.cache
        lookup = self._lookup(exchange, table, rules, controls)
        if lookup is None:
            return False
        exchange.cache = lookup
        if controls.no_cache:
            return False
        now = time.time()
        entry = await self._store.get(lookup.name, now)
        if entry is None or (controls.max_age_s is not None and entry.at + controls.max_age_s < now):
            return False
        target = next((each for each in exchange.group.targets if each.id == entry.deployment_id), None)
        if target is None:
            return False
        lookup.entry = entry
        await self._give(exchange, target, entry)
        return True

    def put(self, name: str, entry: Entry, now: float) -> None:
        """Keep an answer."""
        self._store.put(name, entry, now)

    def forget(self, entities: tuple[str, ...]) -> None:
        """What an ``Invalidate`` says; one that names no answer is about keys."""
        names = [entity.removeprefix(CACHED) for entity in entities if entity.startswith(CACHED)]
        if not names:
            return
        self.generation += 1
        if CACHED_ALL in entities:
            self._store.clear()
        else:
            self._store.forget(names)

    def sweep(self, now: float) -> None:
        """Now and then: drop what is expired."""
        self._store.sweep(now)

    async def close(self) -> None:
        """End."""
        await self._store.close()

    @staticmethod
    def _serves(exchange: Exchange, rules: CacheRules) -> bool:
        operation, wishes = exchange.operation, exchange.wishes
        if not operation.cached or (rules.call_types and operation.call_type not in rules.call_types):
            return False
        wanted = wishes.cache.use_cache
        if not (rules.default_on if wanted is None else wanted):
            return False
        # Several choices are asked for to differ, and a fallback is tried to see it happen.
        return exchange.call.choices == 1 and wishes.mocked is None and len(exchange.request.body) <= naming.MAX_BODY

    def _lookup(self, exchange: Exchange, table: Table, rules: CacheRules, controls: Controls) -> Lookup | None:
        key, call, wishes = exchange.principal, exchange.call, exchange.wishes
        scope = naming.scope_of(key, rules.scope)
        ttl_s = 0.0 if controls.no_store else rules.ttl_s if controls.ttl_s is None else controls.ttl_s
        if scope is None or (controls.no_cache and not ttl_s):
            return None
        try:
            body = naming.canonical(call)
        except naming.Ambiguous:
            return None
        facts = naming.Facts(
            scope=scope,
            operation=exchange.operation.call_type,  # some are streamed by their path
            models=(call.model, exchange.group.name, exchange.routed),
            revision=self._revision(exchange.group),
            namespace=rules.namespace if controls.namespace is None else controls.namespace,
            end_user=wishes.end_user or "",
            tags=(*key.tags, "", *wishes.tags) if table.routing.tag_filtering else (),
            headers=naming.forwarded(exchange.request.index()),
            shows_usage=call.shows_usage,
        )
        name = naming.name_of(self._secret, facts, body)
        return Lookup(self, name, rules, ttl_s, shared=not scope.startswith("key:"))

    def _revision(self, group: Group) -> bytes:
        known = self._revisions.get(id(group))
        if known is None:
            if len(self._revisions) >= MAX_REVISIONS:
                self._revisions.clear()
            known = self._revisions[id(group)] = group, naming.revision_of(group.targets)
        return known[1]

    @staticmethod
    async def _give(exchange: Exchange, target: Target, entry: Entry) -> None:
        accounting, responder = exchange.accounting, exchange.responder
        exchange.target = target
        accounting.recalled(target, entry.upstream_model, entry.usage)
        await accounting.close_success()
        if exchange.call.stream:
            responder.start(200, accounting.header_block())
            responder.finish(entry.body)
        else:
            responder.send(200, accounting.header_block(), entry.body)
