"""The journals flow into the database, and the authority hears of it.

One thread does all of it, in turn: batches, catching up for a worker that says hello, and changes of budgets. So nothing
is committed between a row and the moment at which the authority counts it. The thread hands every announcement to the
event loop, where the authority lives, and waits until it is made.

Records are charged to the budgets their entities have when they come in, also to those they do not carry themselves
(``control.strays``).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import dataclasses
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from phantom_gateway.control.present_budgets import PresentBudgets
from phantom_gateway.control.strays import Strays
from phantom_gateway.ledger.ingest import Batch, Ingestor, spends_of
from phantom_gateway.ledger.record import Closed, Opened, Spend
from phantom_gateway.ledger.replay import Position
from phantom_gateway.limits.authority import Authority
from phantom_gateway.limits.lending import JournalAuthority, Readings
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import spend
from phantom_gateway.store.database import Database, DatabaseError
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.spend import WindowSpend
from phantom_gateway.wire.tasks import TaskGroup

log = logging.getLogger(__name__)

TICK_SECONDS = 0.1
"""Between batches: a transaction costs the same for one record and for hundreds."""
MUCH = 1_000
"""Records in one step from which on the next follows at once."""
PAUSE_SECONDS = 0.5
"""After a failure of the database."""
LAST_SECONDS = 5.0
"""For what is still unread at the end; the rest waits in the journals for the next start."""

# A value no database takes (OverflowError, ValueError) is as much an outage: it stops the ledger, and must be seen.
_FAILURES = (DatabaseError, OSError, OverflowError, ValueError)

T = TypeVar("T")
MakeAuthority = Callable[[list[str], float], JournalAuthority | None]
"""Given the incarnations whose journals are there, and the time."""


class Ingestion:
    """Owns the journals' side of control. ``start`` on the event loop; ``authority`` exists from then on."""

    def __init__(self, root: Path, database: Database, node: str = "", make: MakeAuthority | None = None) -> None:
        """``make`` gives the authority that several nodes share, or ``None`` for one of this node's own."""
        self._database = database
        self._make = make
        self._sink = _AmendingSink(DatabaseSink(database, node), PresentBudgets(database))
        self._ingestor = Ingestor(root, self._sink, self._on_ingested, self._on_gone, self._on_ingesting)
        self._thread = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="ingestion")
        self._tasks = TaskGroup()
        self._poked = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop
        self.authority: JournalAuthority
        self.database_ok = True

    def start(self, now: float) -> None:
        """Take stock of the journals and follow them from now on."""
        self._loop = asyncio.get_running_loop()
        awaiting = self._ingestor.incarnations()
        shared = self._make(awaiting, now) if self._make is not None else None
        self.authority = shared or Authority(self._load_spent, awaiting=awaiting, now=now)
        self._tasks.spawn(self._follow(awaiting), "ingestion")

    async def stop(self) -> None:
        """Take in what is there, then let go. Raises nothing: what is not taken in stays in the journals."""
        await self._tasks.cancel()
        end = self._loop.time() + LAST_SECONDS
        try:
            while await self._in_thread(self._in_order(self._ingestor.step)) and self._loop.time() < end:
                pass
        except _FAILURES as error:
            log.warning("the journals are not fully ingested (%s); the next start goes on", type(error).__name__)
        await self._in_thread(self._ingestor.close)
        self._thread.shutdown()

    def poke(self) -> None:
        """Look at the journals now instead of at the next tick."""
        self._poked.set()

    async def catch_up(self, worker: str, position: int) -> bool:
        """Return once the journal of ``worker`` is in the database up to ``position``, or False. Raises DatabaseError."""
        try:
            complete = await self._in_thread(self._in_order(lambda: self._ingestor.catch_up(worker, position)))
        except OSError as error:
            log.warning("the journal of worker %s cannot be read: %s", worker, error.strerror)
            return False
        if not complete and position:
            log.warning("worker %s has written %d records, but its journal ends before", worker, position)
        return complete or not position

    def configure(self, budgets: Mapping[str, tuple[Limit, ...]]) -> None:
        """The budgets that the configuration gives, by entity; what is new among them follows through ``change_budgets``."""
        self._sink.present.configured = budgets

    async def change_budgets(self, change: Callable[[sa.Connection], tuple[T, Sequence[WindowSpend]]]) -> T:
        """Commit a change that alters what counts as spent; the authority learns it before any further row is taken in.

        The change returns what now counts as spent of every budget that is new. Nothing of these is lent until all workers
        have confirmed an invalidation that is sent after this returns.
        """

        def job() -> T:
            self._ingestor.settle()
            try:
                with self._database.write() as connection:
                    result, corrections = change(connection)
                    self._on_loop(lambda: self.authority.fence([scope for scope, _, _ in corrections]))
                    read = self._read_back(connection, corrections)
            finally:
                self._on_loop(self.authority.fences.settle)
            self._sink.in_order = False
            self._on_loop(lambda: self._correct(corrections, read))
            outside = self._sink.budgets_changed()
            self._on_loop(lambda: self.authority.set_outside(outside))
            return result

        return await self._in_thread(self._in_order(job))

    async def _follow(self, present: list[str]) -> None:
        pause = 0.0
        try:
            await self._in_thread(lambda: self._sink.forget_positions(present))
        except DatabaseError as error:
            log.warning("old journal positions are not removed (%s)", type(error).__name__)
        while True:
            try:
                taken = await self._in_thread(self._in_order(self._ingestor.step))
            except _FAILURES as error:
                if self.database_ok:
                    log.error("the journals cannot be ingested at the moment (%s); workers go on", type(error).__name__)  # noqa: TRY400 # no trace: it names values
                self.database_ok = False
                pause = PAUSE_SECONDS
            else:
                self.database_ok = True
                pause = 0.0 if taken >= MUCH else TICK_SECONDS
            if pause:
                await self._wait(pause)

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._poked.wait()
        except TimeoutError:
            pass
        self._poked.clear()

    async def _in_thread(self, job: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._thread, job)

    def _load_spent(self, windows: Sequence[tuple[str, float]]) -> dict[tuple[str, float], int]:
        with self._database.read() as connection:
            return spend.of_windows(connection, windows)

    def _in_order(self, job: Callable[[], T]) -> Callable[[], T]:
        """``job`` with a true picture of all strays before and after it."""

        def whole() -> T:
            self._put_in_order()
            result = job()
            self._put_in_order()
            return result

        return whole

    # --- called in the thread -----------------------------------------------------------------------------------------

    def _on_loop(self, call: Callable[[], None]) -> None:
        async def run() -> None:
            call()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _put_in_order(self) -> None:
        if not self._sink.in_order:
            outside = self._sink.look_again()
            self._on_loop(lambda: self.authority.set_outside(outside))

    def _on_ingesting(self, worker: str, closed: Sequence[Closed]) -> None:
        spends = [*spends_of(closed), *self._sink.judge(worker, closed)]
        self._on_loop(lambda: self.authority.ingesting(worker, spends))

    def _on_ingested(self, worker: str, closed: Sequence[Closed]) -> None:
        spends, unheld, outside = spends_of(closed), self._sink.unheld(worker), self._sink.strays.outside()
        read: Readings = {}
        if self.authority.versioned:
            with self._database.read() as connection:
                read = self._read_back(connection, [*spends, *unheld])

        def announce() -> None:
            self.authority.ingested(worker, spends, unheld, read)
            self.authority.set_outside(outside)

        self._on_loop(announce)

    def _on_gone(self, worker: str) -> None:
        self._on_loop(lambda: self.authority.gone(worker))
        log.info("worker %s is gone; its journal is complete", worker)

    def _read_back(self, connection: sa.Connection, spends: Sequence[WindowSpend]) -> Readings:
        """What several nodes share is told with its version; one node counts by itself."""
        if not self.authority.versioned:
            return {}
        return spend.versions(connection, list(dict.fromkeys((scope, start) for scope, start, _ in spends)))

    def _correct(self, corrections: Sequence[WindowSpend], read: Readings) -> None:
        if self.authority.versioned:
            self.authority.learn(read)
            return
        for scope, window_start, amount in corrections:
            self.authority.set_spent(scope, window_start, amount)


class _AmendingSink:
    """The database, with every closed record charged to all budgets its entities have."""

    def __init__(self, inner: DatabaseSink, present: PresentBudgets) -> None:
        self._inner = inner
        self.present = present
        self._charges: dict[str, Mapping[int, tuple[Spend, ...]]] = {}
        self.strays = Strays(present.of)
        self.in_order = False
        """False: budgets or records may have changed without ``strays`` knowing of it."""

    def look_again(self) -> Mapping[tuple[str, float], int]:
        """Read everything anew; what is outside of which budget now. Raises DatabaseError."""
        self.present.forget()
        self.strays.replace(self._inner.all_open())
        self.in_order = True
        return self.strays.outside()

    def budgets_changed(self) -> Mapping[tuple[str, float], int]:
        """The same when only budgets have changed."""
        self.present.forget()
        self.strays.changed()
        self.in_order = True
        return self.strays.outside()

    def judge(self, worker: str, closed: Sequence[Closed]) -> list[Spend]:
        """What these records, which are about to be stored, owe beyond what they carry."""
        self._charges[worker] = charges = self.strays.charges(closed)
        return [spend for spends in charges.values() for spend in spends]

    def unheld(self, worker: str) -> list[Spend]:
        """The same, for the records just stored."""
        return [spend for spends in self._charges.pop(worker, {}).values() for spend in spends]

    def apply(self, batch: Batch) -> None:
        """See ``ledger.ingest.Sink``."""
        self.in_order = False
        charges = self._charges.get(batch.incarnation)
        amended = _amended(batch, charges) if charges else batch
        self._inner.apply(amended)
        self.strays.took(batch.incarnation, batch.opening, batch.closing)
        self.in_order = True

    def positions(self) -> Mapping[str, Position]:
        """See ``ledger.ingest.Sink``."""
        return self._inner.positions()

    def open_records(self, incarnation: str) -> Sequence[Opened]:
        """See ``ledger.ingest.Sink``."""
        return self._inner.open_records(incarnation)

    def forget_positions(self, keep: Sequence[str]) -> None:
        """See ``store.sink``."""
        self._inner.forget_positions(keep)


def _amended(batch: Batch, charges: Mapping[int, tuple[Spend, ...]]) -> Batch:
    records = tuple(
        [
            msgspec.structs.replace(record, spends=record.spends + charges[record.n])
            if isinstance(record, Closed) and record.n in charges
            else record
            for record in batch.records
        ]
    )
    return dataclasses.replace(batch, records=records)
