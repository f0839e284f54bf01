from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.unit.store.samples import closed, opened

from phantom_gateway.ledger.ingest import Ingestor
from phantom_gateway.ledger.journal import Journal
from phantom_gateway.ledger.record import Record, Spend
from phantom_gateway.ledger.replay import Damage
from phantom_gateway.store.database import Database
from phantom_gateway.store.proof import MAX_DETAILS, Check, prove
from phantom_gateway.store.rollup_tables import DAILY_SPEND
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import JOURNAL_DAMAGE, OPEN_RECORDS, REQUESTS, SPEND, TOTALS


def write(root: Path, records: list[Record]) -> Journal:
    """A journal of a worker that still lives."""
    journal = Journal(root / "w1", "w1", reserve_bytes=4096)
    journal.open()
    for record in records:
        journal.append(record)
    return journal


@pytest.fixture
async def living(tmp_path: Path, database: Database) -> AsyncIterator[Path]:
    """The journals of a worker that lives, with two requests done, one open, and one not ingested yet."""
    root = tmp_path / "journal"
    journal = write(root, [opened(0), closed(0, opened=1, cost=5), opened(0), closed(0, opened=0, cost=7)])
    Ingestor(root, DatabaseSink(database)).step()
    journal.append(closed(0, cost=1))
    yield root
    await journal.close()


def faults(database: Database, root: Path) -> dict[str, int]:
    return {check.name: check.faults for check in prove(database, root) if check.faults}


def change(database: Database, statement: sa.Executable) -> None:
    with database.write() as connection:
        connection.execute(statement)


async def test_a_running_ledger_holds(database: Database, living: Path) -> None:
    checks = {check.name: check for check in prove(database, living)}
    assert all(check.ok for check in checks.values()), checks
    assert checks["journal"].examined == 2
    assert checks["totals"].examined == 1


async def test_a_missing_row_is_found(database: Database, living: Path) -> None:
    change(database, sa.delete(REQUESTS).where(REQUESTS.c.number == 2))
    assert faults(database, living) == {"journal": 1, "totals": 1, "rollups": 10}


async def test_a_changed_cost_is_found(database: Database, living: Path) -> None:
    change(database, sa.update(REQUESTS).where(REQUESTS.c.number == 2).values(cost_nano=6))
    assert faults(database, living) == {"journal": 1, "totals": 1, "rollups": 8}


async def test_wrong_figures_of_dashboards_are_found(database: Database, living: Path) -> None:
    change(database, sa.update(DAILY_SPEND).values(requests=1))
    assert faults(database, living) == {"rollups": 4}


async def test_a_lost_reservation_is_found(database: Database, living: Path) -> None:
    change(database, sa.delete(OPEN_RECORDS))
    assert faults(database, living) == {"journal": 1}


async def test_wrong_sums_are_found(database: Database, living: Path) -> None:
    change(database, sa.update(TOTALS).values(amount_nano=11))
    assert faults(database, living) == {"totals": 1, "budgets": 1}
    change(database, sa.update(TOTALS).values(amount_nano=12))
    change(database, sa.update(SPEND).values(amount_nano=-1))
    assert faults(database, living) == {"signs": 1}


async def test_a_recovered_request_counts_as_closed(database: Database, living: Path) -> None:
    change(database, sa.update(OPEN_RECORDS).values(number=99))
    change(database, sa.update(REQUESTS).where(REQUESTS.c.number == 4).values(number=-3))
    assert faults(database, living) == {"journal": 1}, "record 4 is missing now, but request 3 is closed"


async def test_damage_is_named_by_offset(database: Database, tmp_path: Path) -> None:
    root = tmp_path / "journal"
    journal = write(root, [closed(0, cost=5), closed(0, cost=6), closed(0, cost=7)])
    Ingestor(root, DatabaseSink(database)).step()
    journal.append(closed(0, cost=8))
    journal.append(closed(0, cost=9))
    await journal.close()
    segment = root / "w1" / "00000001.seg"
    content = bytearray(segment.read_bytes())
    offset = DatabaseSink(database).positions()["w1"].offset
    content[offset + 20] ^= 0xFF
    segment.write_bytes(content)
    (damage,) = [check for check in prove(database, root) if check.name == "damage"]
    assert damage.faults == 2, "the torn frame, and the number that is missing therefore"
    assert damage.details[0].startswith(f"w1 segment 1 offset {offset}: ")


def test_damage_that_was_ingested_is_not_forgotten(database: Database, tmp_path: Path) -> None:
    damage = Damage(3, 77, 5, "torn or damaged")
    change(database, sa.insert(JOURNAL_DAMAGE).values(found_at=1.0, incarnation="old", **damage._asdict()))
    assert faults(database, tmp_path / "none") == {"damage": 1}


def test_details_are_bounded_and_the_count_is_not() -> None:
    check = Check("x", "y")
    for number in range(MAX_DETAILS + 5):
        check.fault(str(number))
    assert (check.faults, len(check.details), check.ok) == (MAX_DETAILS + 5, MAX_DETAILS, False)


def shared(root: Path, *scopes: str) -> Journal:
    spends = tuple(Spend(scope, 0.0, 5) for scope in scopes)
    return write(root, [closed(0, cost=5, spends=spends, user_id="u", team_id="t", end_user="c", tags=("x",))])


async def test_totals_of_every_entity_are_proved(database: Database, tmp_path: Path) -> None:
    journal = shared(tmp_path / "journal", "budget:team:t:", "budget:member:t/u:30d")
    Ingestor(tmp_path / "journal", DatabaseSink(database)).step()
    assert faults(database, tmp_path / "journal") == {}
    entities = ("user:u", "team:t", "member:t/u", "customer:c", "tag:x")
    for entity in entities:
        change(database, sa.update(TOTALS).where(TOTALS.c.entity == entity).values(requests=9))
    assert faults(database, tmp_path / "journal") == {"totals": len(entities)}
    await journal.close()


async def test_budgets_of_every_entity_are_proved(database: Database, tmp_path: Path) -> None:
    scopes = ("budget:team:t:1d", "budget:customer:c/model:m:", "budget:gateway:", "budget:provider:openai:7d")
    journal = shared(tmp_path / "journal", *scopes)
    Ingestor(tmp_path / "journal", DatabaseSink(database)).step()
    checks = {check.name: check for check in prove(database, tmp_path / "journal")}
    assert (checks["budgets"].examined, checks["budgets"].faults) == (len(scopes), 0)
    change(database, sa.update(SPEND).values(amount_nano=6))
    assert faults(database, tmp_path / "journal") == {"budgets": len(scopes)}
    await journal.close()
