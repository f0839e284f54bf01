"""One gateway worker: what it is made of, how it follows control, how it ends.

The worker serves from its last snapshot and its key cache; control may come and go. Everything mutable hangs on this object.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from bisect import bisect_left
from typing import TYPE_CHECKING

import msgspec

from phantom_gateway.gateway.authenticate import Authenticator
from phantom_gateway.gateway.cache import AnswerCache
from phantom_gateway.gateway.call import Caller
from phantom_gateway.gateway.corridor import Corridor
from phantom_gateway.gateway.explain import explain
from phantom_gateway.gateway.forward import Forwarder
from phantom_gateway.gateway.health_report import HealthReport
from phantom_gateway.gateway.meter import Meter
from phantom_gateway.gateway.route import Router
from phantom_gateway.gateway.settle import Books
from phantom_gateway.gateway.subjects import Subjects
from phantom_gateway.gateway.table import Table
from phantom_gateway.ledger.journal import PROBE_SECONDS, Journal, StorageFullError
from phantom_gateway.limits.book import LeaseBook
from phantom_gateway.limits.errors import LimiterUnavailable
from phantom_gateway.limits.shares import Place
from phantom_gateway.spine.client import SpineClient, SpineDown
from phantom_gateway.spine.messages import (
    CACHED_ALL,
    PROTOCOL_VERSION,
    Ack,
    Explain,
    Explained,
    Heartbeat,
    Hello,
    Invalidate,
    LeaseReturns,
    Load,
    NewSnapshot,
    Recall,
    Welcome,
)
from phantom_gateway.spine.snapshot import HttpLimits, Snapshot
from phantom_gateway.wire.client import HttpClient
from phantom_gateway.wire.egress import Egress
from phantom_gateway.wire.server import HttpServer
from phantom_gateway.wire.tasks import TaskGroup

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence
    from pathlib import Path
    from ssl import SSLContext

    from phantom_gateway.spine.messages import LeaseAsk, LeaseGrant

log = logging.getLogger(__name__)

TICK_S = 0.5
GIVE_UP_S = 3600.0
"""Everything leased has been idle when seen from this far in the future."""


class Readiness(msgspec.Struct, frozen=True):
    """The answer of ``/health/readiness``."""

    status: str
    db: str

    @property
    def ok(self) -> bool:
        """Whether new work may be sent here."""
        return self.status == "healthy"

    def body(self) -> bytes:
        """LiteLLM's shape."""
        return msgspec.json.encode(self)


class Worker:
    """A gateway worker; also the spine's listener."""

    def __init__(self, data_dir: Path, slot: int) -> None:
        self.slot = slot
        self.incarnation = secrets.token_hex(8)
        self.table: Table | None = None
        self.admin_here = True
        self.ready = asyncio.Event()
        self.meter = Meter()
        self.tasks = TaskGroup()
        run = data_dir / "run"
        self.spine = SpineClient(str(run / "spine.sock"), self)
        self.journal = Journal(data_dir / "journal" / self.incarnation, self.incarnation)
        self.book = LeaseBook(self._ask, self.tasks)
        self.book.ask_many = self._ask_many
        self.books = Books(self.journal, self.meter)
        egress = Egress()
        self.client = HttpClient(egress=egress)
        self.cache = AnswerCache(egress, self.tasks)
        self.authenticator = Authenticator(self.spine)
        self.subjects = Subjects(self.spine)
        self.caller = Caller(self.client)
        self.router = Router(self.caller, self.book)
        self.forwarder = Forwarder(self.client, str(run / "control.sock"))
        corridor = Corridor(self)
        self.server = HttpServer(corridor.handle, HttpLimits(), fallback=corridor.refused, gate=corridor)
        self._database_ok = False
        self._reported = HealthReport()
        self._key_epoch = -1
        self._calls = 0
        seed = secrets.token_hex(10)
        self._call_prefix = f"{seed[:8]}-{seed[8:12]}-4{seed[12:15]}-a{seed[15:18]}-"

    @property
    def generation(self) -> int:
        """Counts what this worker was told to forget: who decided before may have to decide again."""
        return self.authenticator.cache.generation + self.subjects.generation

    def next_call_id(self) -> str:
        """A new call id: shaped like a UUID, unique by incarnation and count."""
        self._calls += 1
        return f"{self._call_prefix}{self._calls:012x}"

    async def start(self) -> None:
        """Open the journal, join control, receive the first snapshot."""
        if not self._journal_opens():
            self.tasks.spawn(self._await_room(), "wait for room for the journal")
        self.tasks.spawn(self.spine.run(), "spine")
        await self.ready.wait()
        self.tasks.spawn(self._tick(), "tick")

    def _journal_opens(self) -> bool:
        try:
            self.journal.open()
        except StorageFullError:
            return False
        return True

    async def _await_room(self) -> None:
        """A worker that ends for want of room would be started again and again, and nobody would say 503."""
        log.error("there is no room for a journal: requests are refused until there is")
        while True:
            await asyncio.sleep(PROBE_SECONDS)
            if self._journal_opens():
                break
        log.warning("there is room for a journal again")

    async def serve(self, sock: socket.socket, ssl: SSLContext | None) -> None:
        """Accept connections."""
        await self.server.start(sock, ssl)

    async def stop(self, grace_s: float | None = None) -> None:
        """Close the listener, let what runs finish, settle, give back what is leased, close the journal."""
        if grace_s is None:
            grace_s = self.table.snapshot.settings.drain_grace_s if self.table is not None else 0.0
        self.server.close_listener()
        await self.server.drain(grace_s)
        self.book.give_up_stocks()
        while self._give_back(time.time() + GIVE_UP_S):
            pass
        await asyncio.sleep(0)
        await self.tasks.cancel()
        await self.cache.close()
        await self.client.close()
        await self.journal.close()

    def readiness(self) -> Readiness:
        """Ready means: a snapshot is served, the journal takes records, and some key is known or can be asked for.

        Neither the database nor control is needed to serve known keys; a load balancer must not take away what serves.
        """
        serves = self.spine.connected or self.authenticator.cache.knows_any
        healthy = self.table is not None and self.journal.accepting and serves
        return Readiness("healthy" if healthy else "unhealthy", "connected" if self._database_ok else "Not connected")

    # --- what control says -------------------------------------------------------------------------------------------

    def hello(self) -> Hello:
        """The handshake: everything that control must know to be exact after either side was away."""
        return Hello(
            version=PROTOCOL_VERSION,
            worker=self.incarnation,
            slot=self.slot,
            pid=os.getpid(),
            journal_position=self.journal.position,
            held=self.book.held(),
            revision=self.table.snapshot.revision if self.table else 0,
        )

    def welcomed(self, message: Welcome) -> None:
        """Install the snapshot if there is a newer one; whatever was said while we were apart is unknown, so keys go."""
        self.authenticator.cache.forget(())
        self.subjects.forget(())
        self.cache.forget((CACHED_ALL,))
        self.subjects.heard(message.subjects)
        self._reported.forget()
        self._key_epoch = -1
        if message.snapshot is not None:
            self.install(message.snapshot)
        self._database_ok = True
        self.ready.set()

    def pushed(self, message: NewSnapshot | Invalidate | Recall | Explain | Heartbeat) -> None:
        """React to a push."""
        if isinstance(message, Heartbeat):
            self._beat(message)
        elif isinstance(message, Invalidate):
            self.authenticator.cache.forget(message.entities)
            self.subjects.forget(message.entities)
            self.cache.forget(message.entities)
            self._key_epoch = message.key_epoch
            self.spine.send(Ack(seq=message.seq, journal_position=self.journal.position))
        elif isinstance(message, Recall):
            answer = (
                self.book.on_notice(message.scope, message.seq, message.window_start)
                if message.notice
                else self.book.on_recall(message.scope, message.seq)
            )
            self.spine.send(answer)
        elif isinstance(message, Explain):
            self.tasks.spawn(self._explain(message), "explain")
        else:
            self.install(message.snapshot)
            self.spine.send(Ack(seq=message.seq))

    def lost(self) -> None:
        """Control is away: serve on with what is known."""
        self._database_ok = False

    def install(self, snapshot: Snapshot) -> None:
        """Swap to a new snapshot: compiled whole, then replaced by reference."""
        table = Table(snapshot, self.table)
        settings = snapshot.settings
        self.authenticator.configure(snapshot.key_pepper, settings.key_header)
        self.caller.patience_s = 0.0 if settings.cancel_on_disconnect else settings.abandoned_timeout_s
        self.journal.sync = "strict" if settings.journal_sync == "strict" else "group"
        self.server.set_limits(snapshot.http)
        self.admin_here = settings.data_port_admin
        self.cache.configure(snapshot.cache)
        self.table = table
        self.books = self.books._replace(limited_tokens=snapshot.settings.limited_tokens)
        self.subjects.forget(())  # defaults of those nobody made stand in the configuration
        passed = {each.target.origin for each in table.passages.all.values()}
        self.client.forget({target.origin for target in table.targets} | passed | {self.forwarder.origin})

    async def _ask(self, ask: LeaseAsk) -> LeaseGrant:
        try:
            return await self.spine.lease(ask.limit, ask.need, ask.want)
        except SpineDown as error:
            raise LimiterUnavailable(str(error)) from error

    async def _explain(self, ask: Explain) -> None:
        self.spine.send(Explained(seq=ask.seq, found=await explain(self, ask)))

    async def _ask_many(self, asks: Sequence[LeaseAsk]) -> Sequence[LeaseGrant]:
        try:
            return await self.spine.leases(asks)
        except SpineDown as error:
            raise LimiterUnavailable(str(error)) from error

    def _give_back(self, now: float) -> bool:
        returns = self.book.idle(now)
        if returns:
            self.spine.send(LeaseReturns(returns=tuple(returns)))
        return bool(returns)

    def _beat(self, beat: Heartbeat) -> None:
        self._database_ok = beat.database_ok
        if self.table is not None and len(beat.unhealthy) + len(self.table.unhealthy):
            self.table.mark_unhealthy(frozenset(beat.unhealthy))
        self.subjects.heard(beat.subjects)
        place = bisect_left(beat.workers, self.incarnation)
        self.book.shares.placed(Place(max(len(beat.workers), 1), place, beat.nodes, beat.node), time.time())
        if self._key_epoch not in (-1, beat.key_epoch):
            self.authenticator.cache.forget(())
            self.subjects.forget(())
            self.cache.forget((CACHED_ALL,))
        self._key_epoch = beat.key_epoch

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(TICK_S)
            lag_ms = max(0.0, (loop.time() - before - TICK_S) * 1000)
            now = time.time()
            self._give_back(now)
            self.cache.sweep(now)
            self.spine.send(
                Load(
                    in_flight=self.server.in_flight,
                    connections=self.server.connections,
                    requests=self.server.requests,
                    loop_lag_ms=lag_ms,
                    journal_degraded=self.journal.degraded,
                    deployments=self._reported.changed(self.table, loop.time()),
                )
            )
