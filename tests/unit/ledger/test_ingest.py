from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest
from tests.unit.ledger.samples import SCOPE, closed, opened

from phantom_gateway.ledger.ingest import BATCH, Batch, Ingestor, spends_of
from phantom_gateway.ledger.journal import Journal
from phantom_gateway.ledger.record import Closed, Opened, Record
from phantom_gateway.ledger.replay import Position


class CrashError(Exception):
    """The database went away."""


class Database:
    """What a sink must do, in memory. Fails before or after its commit when told."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Closed] = {}
        self.open: dict[tuple[str, int], Opened] = {}
        self.stored: dict[str, Position] = {}
        self.calls = 0
        self.crash_before: set[int] = set()
        self.crash_after: set[int] = set()
        self.finals: list[str] = []
        self.damage = 0

    def positions(self) -> Mapping[str, Position]:
        return self.stored

    def open_records(self, incarnation: str) -> Sequence[Opened]:
        return [record for (owner, _), record in self.open.items() if owner == incarnation]

    def apply(self, batch: Batch) -> None:
        self.calls += 1
        if self.calls in self.crash_before:
            raise CrashError
        for record in batch.closed:
            key = (batch.incarnation, record.n)
            assert key not in self.rows, "stored twice"
            self.rows[key] = record
        for start in batch.opening:
            self.open[batch.incarnation, start.n] = start
        for number in batch.closing:
            self.open.pop((batch.incarnation, number), None)
        self.stored[batch.incarnation] = batch.position
        self.damage += len(batch.damage)
        if batch.final:
            self.finals.append(batch.incarnation)
        if self.calls in self.crash_after:
            raise CrashError

    @property
    def total(self) -> int:
        return sum([row.cost.total for row in self.rows.values()])


class Log:
    """Listens like an authority."""

    def __init__(self) -> None:
        self.spent = 0
        self.gone: list[str] = []
        self.announced = 0

    def ingesting(self, incarnation: str, rows: Sequence[Closed]) -> None:
        assert incarnation
        self.announced += len(rows)

    def ingested(self, incarnation: str, rows: Sequence[Closed]) -> None:
        assert incarnation not in self.gone
        self.spent += sum([amount for _, _, amount in spends_of(rows)])

    def went(self, incarnation: str) -> None:
        self.gone.append(incarnation)


def ingestor(root: Path, database: Database, log: Log) -> Ingestor:
    return Ingestor(root, database, log.ingested, log.went, log.ingesting)


def names(directory: Path) -> list[str]:
    return [path.name for path in directory.iterdir()]


def start(root: Path, name: str, segment_bytes: int = 4000) -> Journal:
    journal = Journal(root / name, name, segment_bytes=segment_bytes, reserve_bytes=16 * 1024)
    journal.open()
    return journal


async def test_a_living_journal_is_followed_and_a_dead_one_finished(tmp_path: Path) -> None:
    database, log = Database(), Log()
    control = ingestor(tmp_path, database, log)
    assert control.step() == 0
    journal = start(tmp_path, "w1")
    first = journal.append(opened("a"))
    second = journal.append(opened("b", 300))
    journal.append(closed("a", first, 70))
    assert control.incarnations() == ["w1"]
    assert control.step() == 3
    assert control.step() == 0
    assert [record.n for record in database.open_records("w1")] == [second]
    assert (database.total, log.spent, log.gone) == (70, 70, [])
    journal.append(closed("c", 0, 5))
    await journal.close()
    assert control.step() == 1
    assert control.step() == 1
    assert (database.total, log.spent, log.gone) == (375, 375, ["w1"])
    assert database.rows["w1", -second].status == "interrupted"
    assert database.finals == ["w1"]
    assert names(tmp_path) == []
    assert control.step() == 0


async def test_no_nul_gets_beyond_a_journal(tmp_path: Path) -> None:
    database, log = Database(), Log()
    control = ingestor(tmp_path, database, log)
    journal = start(tmp_path, "w1")
    journal.append(msgspec.structs.replace(opened("a"), end_user="a\0b"))
    journal.append(msgspec.structs.replace(closed("c"), tags=("\0",)))
    control.step()
    assert [record.end_user for record in database.open_records("w1")] == ["a\ufffdb"]
    assert database.rows["w1", 2].tags == ("\ufffd",)
    await journal.close()
    control.close()


async def test_ingested_segments_are_deleted(tmp_path: Path) -> None:
    database, log = Database(), Log()
    control = ingestor(tmp_path, database, log)
    journal = start(tmp_path, "w1")
    for _ in range(5):
        for _ in range(60):
            journal.append(closed())
        while control.step():
            pass
        assert len(list((tmp_path / "w1").glob("*.seg"))) == 1
    assert len(database.rows) == 300
    await journal.close()
    control.close()


async def test_batches_are_bounded_and_a_hello_can_catch_up(tmp_path: Path) -> None:
    database, log = Database(), Log()
    control = ingestor(tmp_path, database, log)
    journal = start(tmp_path, "w1", 1 << 20)
    for _ in range(2 * BATCH + 10):
        journal.append(closed())
    assert control.step() == BATCH
    assert control.catch_up("w1", journal.position)
    assert control.position("w1").n == 2 * BATCH + 10
    assert not control.catch_up("w1", journal.position + 1)
    assert not control.catch_up("nobody", 1)
    await journal.close()
    control.close()


@pytest.mark.parametrize("restart", [False, True], ids=["same control", "new control"])
@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("call", range(1, 9))
async def test_a_crash_at_any_transaction_stores_everything_once(
    tmp_path: Path, call: int, moment: str, restart: bool
) -> None:
    database, log = Database(), Log()
    getattr(database, f"crash_{moment}").add(call)
    control = ingestor(tmp_path, database, log)
    journal = start(tmp_path, "w1", 1000)
    for number in range(6):
        start_number = journal.append(opened(f"r{number}", 100))
        if number % 2:
            journal.append(closed(f"r{number}", start_number, 7))
        try:
            control.step()
        except CrashError:
            if restart:
                control.close()
                control = ingestor(tmp_path, database, log)
    await journal.close()
    for _ in range(6):
        try:
            control.step()
        except CrashError:
            if restart:
                control.close()
                control = ingestor(tmp_path, database, log)
    assert names(tmp_path) == []
    assert database.total == 3 * 7 + 3 * 100
    assert database.open == {}
    assert log.gone == ["w1"]
    if not restart:
        assert log.spent == database.total


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_what_was_not_seen_to_end_can_be_settled_without_taking_in_more(tmp_path: Path, moment: str) -> None:
    database, log = Database(), Log()
    getattr(database, f"crash_{moment}").add(1)
    control = ingestor(tmp_path, database, log)
    journal = start(tmp_path, "w1")
    journal.append(closed("a", 0, 7))
    with pytest.raises(CrashError):
        control.step()
    journal.append(closed("b", 0, 5))
    for _ in range(2):
        control.settle()
        assert log.spent == database.total == (7 if moment == "after" else 0)
    assert control.step()
    assert log.spent == database.total == 12
    await journal.close()


async def test_a_crash_between_the_last_transaction_and_the_removal(tmp_path: Path) -> None:
    database, log = Database(), Log()
    journal = start(tmp_path, "w1")
    journal.append(opened("a", 100))
    await journal.close()
    control = ingestor(tmp_path, database, log)

    def die(_: str) -> None:
        raise CrashError

    control.on_gone = die
    control.step()
    with pytest.raises(CrashError):
        control.step()
    assert database.total == 100
    control.close()
    control = ingestor(tmp_path, database, log)
    assert control.step() == 0
    assert (database.total, log.gone, names(tmp_path)) == (100, ["w1"], [])


async def test_a_torn_end_of_a_dead_journal_is_reported_once(tmp_path: Path) -> None:
    database, log = Database(), Log()
    journal = start(tmp_path, "w1")
    journal.append(closed("a", 0, 3))
    journal.append(closed("b", 0, 5))
    await journal.close()
    path = tmp_path / "w1" / "00000001.seg"
    path.write_bytes(path.read_bytes()[:-2])
    control = ingestor(tmp_path, database, log)
    while (tmp_path / "w1").exists():
        control.step()
    assert (database.total, database.damage) == (3, 1)


async def test_two_incarnations_share_a_budget(tmp_path: Path) -> None:
    database, log = Database(), Log()
    control = ingestor(tmp_path, database, log)
    journals = [start(tmp_path, name) for name in ("w1", "w2")]
    for journal in journals:
        journal.append(closed("same id", 0, 11))
    assert control.step() == 2
    assert database.total == 22
    assert {spend.scope for spend in spends_of(list(database.rows.values()))} == {SCOPE}
    for journal in journals:
        await journal.close()
    control.step()
    assert log.gone == ["w1", "w2"]


def test_a_batch_knows_what_opens_and_closes() -> None:
    records: list[Record] = [opened("a"), opened("b"), closed("a", 1), closed("old", 99), closed("none", 0)]
    for number, record in enumerate(records, 1):
        record.n = number
    batch = Batch(incarnation="w", records=tuple(records), position=Position(5, 1, 0))
    assert [record.n for record in batch.opening] == [2]
    assert batch.closing == (1, 99)
    assert batch.closing_earlier == (99,)
    assert [record.n for record in batch.closed] == [3, 4, 5]
