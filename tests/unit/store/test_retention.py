from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.unit.store.samples import closed

from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.record import Spend
from phantom_gateway.ledger.replay import Position
from phantom_gateway.store import partitions, retention
from phantom_gateway.store.corrections import INCARNATION
from phantom_gateway.store.database import Database
from phantom_gateway.store.proof import prove
from phantom_gateway.store.rollup_tables import DAILY_SPEND
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import REMOVED, REQUESTS, SPEND, TOTALS

DAY = 86_400


def at(year: int, month: int, day: int = 1) -> float:
    return datetime(year, month, day, tzinfo=UTC).timestamp()


def fill(database: Database, *times: float, first: int = 1) -> None:
    records = tuple(
        closed(
            number,
            cost=number,
            at_ns=int(when * 1e9),
            team_id="t",
            tags=("x",),
            spends=(Spend("budget:team:t:", 0.0, number), Spend("budget:deployment:d:", 0.0, number)),
        )
        for number, when in enumerate(times, first)
    )
    position = Position(first + len(times), 1, 1)
    DatabaseSink(database).apply(Batch(incarnation="w", records=records, position=position, damage=()))


def table(database: Database, *columns: sa.ColumnElement[object]) -> list[tuple[object, ...]]:
    with database.read() as connection:
        return [tuple(row) for row in connection.execute(sa.select(*columns).order_by(*columns))]


def numbers(database: Database) -> list[object]:
    return [row[0] for row in table(database, REQUESTS.c.number)]


def remove(database: Database, before: float) -> int:
    end = retention.begin(database, before)
    removed = retention.drop_months(database, end)
    while some := retention.remove_some(database, end):
        removed += some
    return removed


def sound(database: Database, tmp_path: Path) -> None:
    checks = prove(database, tmp_path / "journal")
    assert [(check.name, check.details) for check in checks if not check.ok] == []


def test_old_rows_go_and_everything_said_of_them_stays(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "CHUNK", 2)
    start = at(2031, 11, 28)
    partitions.prepare(database, start)
    fill(database, *[start + DAY * day + 5 for day in range(8)])
    sums = table(database, DAILY_SPEND.c.day, DAILY_SPEND.c.requests, DAILY_SPEND.c.cost_nano)
    money = [table(database, *each.c) for each in (TOTALS, SPEND)]
    assert remove(database, at(2031, 12, 3) + 80_000) == 5, "whole days"
    assert numbers(database) == [6, 7, 8]
    assert table(database, DAILY_SPEND.c.day, DAILY_SPEND.c.requests, DAILY_SPEND.c.cost_nano) == sums
    assert [table(database, *each.c) for each in (TOTALS, SPEND)] == money
    kept = {row[0]: row[1:] for row in table(database, *REMOVED.c)}
    assert kept["team:t"] == kept["tag:x"] == kept["*"] == (15, 5)
    sound(database, tmp_path)
    assert remove(database, at(2031, 12, 3)) == 0, "never fewer days than before"
    with database.read() as connection:
        assert retention.removed_before(connection) == int(at(2031, 12, 3)) * 1_000_000
    assert remove(database, at(2032, 6)) == 3
    assert numbers(database) == []
    sound(database, tmp_path)


def test_what_comes_late_for_a_removed_day_is_removed_the_next_time(database: Database, tmp_path: Path) -> None:
    day = at(2031, 11, 5)
    fill(database, day)
    remove(database, day + 2 * DAY)
    fill(database, day + 10, day + 3 * DAY, first=2)
    sound(database, tmp_path)
    assert remove(database, day + 2 * DAY) == 1
    assert numbers(database) == [3]
    sound(database, tmp_path)


def test_a_month_of_its_own_is_dropped_whole(pg: Database, tmp_path: Path) -> None:
    partitions.prepare(pg, at(2031, 11, 5))
    fill(pg, at(2031, 10, 31), at(2031, 11, 30), at(2031, 12, 1))
    end = retention.begin(pg, at(2031, 12, 1))
    assert retention.drop_months(pg, end) == 1
    assert retention.drop_months(pg, end) == 0
    assert numbers(pg) == [1, 3]
    assert [name for name, _, _ in partitions.before(pg, int(at(2032, 1)) * 1_000_000)] == ["requests_y2031m12"]
    assert retention.remove_some(pg, end) == 1, "of the months before there is no table"
    assert numbers(pg) == [3]
    sound(pg, tmp_path)


def test_rows_that_are_lost_are_still_found(database: Database, tmp_path: Path) -> None:
    day = at(2031, 11, 5)
    fill(database, day, day + DAY, day + 2 * DAY)
    remove(database, day + DAY)
    with database.write() as connection:
        connection.execute(sa.delete(REQUESTS).where(REQUESTS.c.number == 2))
    faults = {check.name for check in prove(database, tmp_path / "journal") if not check.ok}
    assert {"totals", "rollups"} <= faults


def test_what_was_taken_back_is_remembered(database: Database, tmp_path: Path) -> None:
    """A budget's window may hold more than its entity has cost by now, when a correction took something back."""
    day = at(2031, 11, 5)
    fill(database, day, day + 1)
    with database.write() as connection:
        mine = (REQUESTS.c.number == 2,)
        connection.execute(sa.update(REQUESTS).where(*mine).values(cost_nano=-2, incarnation=INCARNATION))
        connection.execute(sa.update(TOTALS).values(amount_nano=-1))
        connection.execute(sa.update(SPEND).values(amount_nano=1))
        removed = retention._take_out(connection, REQUESTS.c.started_at >= 0)
        connection.execute(sa.delete(REQUESTS))
        found = retention.removed(connection)
    assert removed == 2
    assert (found["*"].amount, found["-*"].amount, found["-team:t"].amount) == (-1, -2, -2)
    budgets = next(check for check in prove(database, tmp_path / "journal") if check.name == "budgets")
    assert budgets.details == [], "1 was charged, 2 were taken back"


def test_one_node_at_a_time(database: Database) -> None:
    assert retention.claim(database, "a", 1000.0, 60.0)
    assert not retention.claim(database, "b", 1059.0, 60.0)
    assert retention.claim(database, "b", 1060.0, 60.0)
    assert not retention.claim(database, "a", 1061.0, 60.0)
