from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa
from tests.unit.store.samples import closed

from phantom_gateway.store import partitions, spend_logs
from phantom_gateway.store.database import Database


def at(year: int, month: int, day: int = 1) -> float:
    return datetime(year, month, day, tzinfo=UTC).timestamp()


def put(database: Database, number: int, when: float) -> None:
    with database.append() as connection:
        spend_logs.insert(connection, [spend_logs.row_of("w", closed(number, at_ns=int(when * 1e9)))])


def count(database: Database, table: str = "requests") -> int:
    with database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(sa.text(table))).scalar_one())


def test_months_are_made_ahead_and_once(pg: Database) -> None:
    made = partitions.prepare(pg, at(2031, 11, 30))
    assert made == ["requests_y2031m11", "requests_y2031m12", "requests_y2032m01"]
    assert partitions.prepare(pg, at(2031, 11, 30)) == []
    assert partitions.prepare(pg, at(2031, 12)) == ["requests_y2032m02"]
    put(pg, 1, at(2031, 12, 31))
    put(pg, 2, at(1999, 1))
    assert (count(pg, "requests_y2031m12"), count(pg, "requests_other"), count(pg)) == (1, 1, 2)


def test_what_came_too_early_moves_to_its_month(pg: Database) -> None:
    put(pg, 1, at(2031, 11, 5))
    put(pg, 2, at(2040, 1))
    assert count(pg, "requests_other") == 2
    partitions.prepare(pg, at(2031, 11))
    assert (count(pg, "requests_y2031m11"), count(pg, "requests_other"), count(pg)) == (1, 1, 2)


def test_months_that_are_over_are_known(pg: Database) -> None:
    partitions.prepare(pg, at(2031, 11))
    first, last = (int(at(2031, month, 1)) * 1_000_000 for month in (11, 12))
    assert partitions.before(pg, last - 1) == []
    assert partitions.before(pg, last) == [("requests_y2031m11", first, last)]


def test_sqlite_has_no_partitions(sqlite: Database) -> None:
    assert partitions.prepare(sqlite, at(2031, 11)) == []
    assert partitions.before(sqlite, int(at(2031, 11)) * 1_000_000) == []
