"""Control's side of the journals: every record reaches the database exactly once.

The sink stores a batch and the new position in one transaction, so whatever dies, the database and its position agree;
reading goes on from there. ``Opened`` records that are not closed yet are kept by the sink too, in the same transaction, so that
a restart of control forgets none. Segments are deleted when a position beyond them is stored, a directory when its
incarnation is dead and everything of it, recovery included, is stored.

A transaction that fails may have been carried out nevertheless. The batch is therefore remembered, and compared with the
sink's position before anything else is read: either it is announced late or read again.

``step`` runs in one thread at a time. If that is not the thread of the ``Authority``, the listeners must hand over to it and
wait for it, so that announcements are complete before the next batch is committed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

from phantom_gateway.ledger.frames import LOCK_NAME, PROBE_NAME, RESERVE_NAME, segment_name, segment_numbers
from phantom_gateway.ledger.record import Closed, Opened, Record, Spend, storable
from phantom_gateway.ledger.recovery import close_all
from phantom_gateway.ledger.replay import Damage, Position, Reader

BATCH = 8000
"""Records of one transaction, at most: the more, the fewer rows of sums are touched for each."""

Listener = Callable[[str, Sequence[Closed]], None]
"""(incarnation, closed records)"""


class Rows(tuple[Closed, ...]):  # noqa: SLOT001 # it remembers its sums
    """The rows of a batch, whose sums three parties ask for."""

    @cached_property
    def spends(self) -> tuple[Spend, ...]:
        """What ``spends_of`` gives."""
        return tuple(_summed(self))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What must be stored in one transaction."""

    incarnation: str
    records: tuple[Record, ...]
    """In order; rows are unique by (incarnation, n)."""
    position: Position
    """Where reading goes on once this is stored."""
    final: bool = False
    """The last one of this incarnation."""
    damage: tuple[Damage, ...] = ()
    """What was unreadable on the way; to be reported."""

    @cached_property
    def closed(self) -> Rows:
        """The rows of the ledger."""
        return Rows([record for record in self.records if type(record) is Closed])

    @cached_property
    def opening(self) -> tuple[Opened, ...]:
        """To be added to the open records: those not closed within this batch."""
        closing = {record.opened for record in self.closed}
        return tuple([record for record in self.records if type(record) is Opened and record.n not in closing])

    @property
    def closing(self) -> tuple[int, ...]:
        """Numbers of ``Opened`` to be removed from the open records, should they be there."""
        return tuple([record.opened for record in self.closed if record.opened])

    @property
    def closing_earlier(self) -> tuple[int, ...]:
        """Of ``closing`` those not opened within this batch: nothing else can be among the open records."""
        opened = {record.n for record in self.records if type(record) is Opened}
        return tuple([number for number in self.closing if number not in opened])


class Sink(Protocol):
    """The database, seen from here."""

    def positions(self) -> Mapping[str, Position]:
        """Stored position of every incarnation that has one. Must be kept at least as long as the directory exists."""
        ...

    def apply(self, batch: Batch) -> None:
        """In one transaction: add ``batch.closed`` as rows, add ``opening``, remove ``closing``, store ``position``.

        Any exception leaves ``step`` and the batch is settled at the next one.
        """
        ...

    def open_records(self, incarnation: str) -> Sequence[Opened]:
        """The open records of an incarnation. ``record.encoder`` and ``record.decoder`` are good for storing them."""
        ...


class _Tail:
    """One journal being followed."""

    __slots__ = ("lock_fd", "pending", "reader")

    def __init__(self, directory: Path, position: Position) -> None:
        self.reader = Reader(directory, position)
        self.pending: Batch | None = None
        """A batch whose transaction was begun and not seen to end."""
        self.lock_fd = -1
        """Held from the moment the writer is found dead."""

    @property
    def dead(self) -> bool:
        return self.lock_fd >= 0


def spends_of(closed: Sequence[Closed]) -> list[Spend]:
    """The budget charges of some rows, summed by scope and window, as ``Authority.ingesting`` and ``ingested`` take them."""
    return list(closed.spends if isinstance(closed, Rows) else _summed(closed))


def _summed(closed: Iterable[Closed]) -> list[Spend]:
    sums: dict[tuple[str, float], int] = {}
    get = sums.get
    for record in closed:
        for scope, window_start, amount in record.spends:
            key = (scope, window_start)
            sums[key] = get(key, 0) + amount
    return [Spend(scope, window_start, amount) for (scope, window_start), amount in sums.items()]


class Ingestor:
    """Follows all journals under ``root`` (``DATA/journal``).

    Listeners, all optional, for the authority: ``on_ingesting`` before a batch is committed, ``on_ingested`` after it,
    ``on_gone`` when an incarnation is dead and finished.
    """

    def __init__(
        self,
        root: Path,
        sink: Sink,
        on_ingested: Listener | None = None,
        on_gone: Callable[[str], None] | None = None,
        on_ingesting: Listener | None = None,
    ) -> None:
        self.root = root
        self.on_ingested = on_ingested
        self.on_gone = on_gone
        self.on_ingesting = on_ingesting
        self.batch = BATCH
        """Records of one transaction, at most."""
        self._sink = sink
        self._tails: dict[str, _Tail] = {}

    def incarnations(self) -> list[str]:
        """Those that have a directory: what ``Authority(awaiting=...)`` must wait for at start."""
        try:
            return sorted(
                entry.name for entry in self.root.iterdir() if entry.is_dir() and not entry.name.startswith(".")
            )
        except FileNotFoundError:
            return []

    def step(self) -> int:
        """Take in one batch of every journal and finish the dead ones. Returns the number of records; 0 = nothing to do.

        Whatever the sink raises passes through; the next step goes on where the database is.
        """
        return sum([self._step_one(incarnation) for incarnation in self.incarnations()])

    def catch_up(self, incarnation: str, n: int) -> bool:
        """Take in everything of ``incarnation`` up to record ``n`` (before its ``Hello`` counts). False: it is not there."""
        while (self.root / incarnation).is_dir():
            tail = self._tail(incarnation)
            if tail.pending is None and tail.reader.position.n >= n:
                return True
            if not self._step_one(incarnation):
                return tail.reader.position.n >= n
        return False

    def settle(self) -> None:
        """Find out what became of every transaction that was begun and not seen to end, and tell the listeners.

        Whoever changes what counts as spent does this first: what he reads in the database must not be told once more later.
        """
        for incarnation, tail in list(self._tails.items()):
            if tail.pending is not None:
                self._settle(incarnation, tail, tail.pending)

    def position(self, incarnation: str) -> Position:
        """How far an incarnation is taken in."""
        return self._tail(incarnation).reader.position

    def close(self) -> None:
        """Let go of the locks of unfinished dead journals."""
        for tail in self._tails.values():
            if tail.dead:
                os.close(tail.lock_fd)
        self._tails.clear()

    def _step_one(self, incarnation: str) -> int:
        tail = self._tail(incarnation)
        directory = self.root / incarnation
        late = 0 if tail.pending is None else self._settle(incarnation, tail, tail.pending)
        if not tail.dead:
            tail.lock_fd = _take_lock(directory)
        before = tail.reader.position
        records = tuple(map(storable, tail.reader.read(self.batch, final=tail.dead)))
        if records or tail.reader.damage or tail.reader.position.segment != before.segment:
            self._apply(tail, self._batch(incarnation, tail, records))
        elif tail.dead:
            left = close_all(self._sink.open_records(incarnation), time.time_ns())
            if left:
                self._apply(tail, self._batch(incarnation, tail, left, final=True))
            self._finish(incarnation, tail)
            return late + len(left)
        for number in segment_numbers(directory):
            if number < tail.reader.position.segment:
                (directory / segment_name(number)).unlink(missing_ok=True)
        return late + len(records)

    def _tail(self, incarnation: str) -> _Tail:
        tail = self._tails.get(incarnation)
        if tail is None:
            position = self._sink.positions().get(incarnation, Position())
            tail = self._tails[incarnation] = _Tail(self.root / incarnation, Position(*position))
        return tail

    @staticmethod
    def _batch(incarnation: str, tail: _Tail, records: tuple[Record, ...], *, final: bool = False) -> Batch:
        damage = tuple(tail.reader.damage)
        tail.reader.damage.clear()
        return Batch(
            incarnation=incarnation, records=records, position=tail.reader.position, final=final, damage=damage
        )

    def _apply(self, tail: _Tail, batch: Batch) -> None:
        tail.pending = batch
        closed = batch.closed
        if self.on_ingesting is not None:
            self.on_ingesting(batch.incarnation, closed)
        self._sink.apply(batch)
        self._announce(tail, batch)

    def _announce(self, tail: _Tail, batch: Batch) -> None:
        if self.on_ingested is not None:
            self.on_ingested(batch.incarnation, batch.closed)
        tail.pending = None

    def _settle(self, incarnation: str, tail: _Tail, batch: Batch) -> int:
        """Find out whether the transaction of ``tail.pending`` was carried out; announce it late or read it again."""
        stored = Position(*self._sink.positions().get(incarnation, Position()))
        carried_out = stored == batch.position
        if carried_out and batch.final:
            open_now = {record.n for record in self._sink.open_records(incarnation)}
            carried_out = not open_now.intersection(batch.closing)
        if carried_out:
            self._announce(tail, batch)
            return len(batch.records)
        tail.pending = None
        tail.reader = Reader(self.root / incarnation, stored)
        return 0

    def _finish(self, incarnation: str, tail: _Tail) -> None:
        if self.on_gone is not None:
            self.on_gone(incarnation)
        directory = self.root / incarnation
        for name in _files(directory):
            (directory / name).unlink(missing_ok=True)
        (directory / LOCK_NAME).unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            directory.rmdir()
        os.close(tail.lock_fd)
        del self._tails[incarnation]


def _files(directory: Path) -> Iterator[str]:
    yield from (RESERVE_NAME, PROBE_NAME)
    yield from map(segment_name, segment_numbers(directory))


def _take_lock(directory: Path) -> int:
    """The lock of a dead writer, or -1 while it lives."""
    fd = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return -1
    return fd
