from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.unit.store.samples import closed
from tests.unit.store.test_rollup_fill import batch

from phantom_gateway.control.usage import forecast
from phantom_gateway.store import schema
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.rollups import Question
from phantom_gateway.store.sink import DatabaseSink

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
DAY_NS = 86_400_000_000_000
USD = 1_000_000_000


def test_months_have_their_days() -> None:
    for year, month, last in ((2026, 11, 30), (2026, 12, 31), (2028, 2, 29)):
        first_day, last_day = forecast.month_of(datetime(year, month, 15, tzinfo=UTC).timestamp())
        assert last_day - first_day + 1 == last


def test_the_pace_of_a_week_goes_on(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "f.db")
    schema.migrate(database)
    now_ns = int(NOON) * 1_000_000_000
    calls = [closed(n + 1, at_ns=now_ns - n * DAY_NS, cost=7 * USD) for n in range(30)]
    DatabaseSink(database).apply(batch(calls, 30))
    with database.read() as connection:
        found = forecast.of_month(connection, Question(first=0, last=0), NOON)
        other = forecast.of_month(connection, Question(first=0, last=0, only={"team_id": ["none"]}), NOON)
    assert (found["start_date"], found["end_date"], found["spent"], found["a_day"]) == (
        "2026-11-01",
        "2026-11-30",
        147,
        7,
    )
    assert found["projected"] == 147 + 3.5 + 9 * 7
    assert (len(found["days"]["spend"]), found["days"]["projected"]) == (21, [7.0] * 9)
    assert (other["spent"], other["projected"]) == (0, 0)
    database.close()
