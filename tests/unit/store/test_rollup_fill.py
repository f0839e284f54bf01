from __future__ import annotations

import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.databases import migrated_sqlite
from tests.unit.store.samples import closed

from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.money import Cost
from phantom_gateway.ledger.record import Closed
from phantom_gateway.ledger.replay import Position
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.store import rollup_check, rollup_fill
from phantom_gateway.store.database import Database, DatabaseError
from phantom_gateway.store.rollup_tables import DAILY_SPEND, HOURLY_SPEND, HOURS_KEPT, LATENCY_SPREAD, SPEND_DIMENSIONS
from phantom_gateway.store.sink import DatabaseSink

NOW_NS = int(time.time()) * 1_000_000_000
DAY_NS = 86_400_000_000_000

names = st.sampled_from([None, "a", "b"])
counts = st.none() | st.integers(0, 10**12)
records = st.fixed_dictionaries(
    {
        "at_ns": st.integers(NOW_NS - 60 * DAY_NS, NOW_NS),
        "user_id": names,
        "team_id": names,
        "org_id": names,
        "project_id": names,
        "end_user": names,
        "tags": st.lists(st.sampled_from(["x", "y", "x'\"\u00e9"]), max_size=3).map(tuple),
        "model": st.sampled_from(["m", "n"]),
        "group": st.sampled_from(["", "g"]),
        "upstream_model": st.sampled_from(["", "up"]),
        "call_type": st.sampled_from(["acompletion", "aembedding"]),
        "status": st.sampled_from(["success", "failure", "interrupted"]),
        "cost": st.tuples(*[st.integers(0, 10**15)] * 4).map(
            lambda parts: Cost(
                total=sum(parts), input=parts[0], output=parts[1], cache_read=parts[2], cache_write=parts[3]
            )
        ),
        "saved": st.integers(0, 10**12),
        "usage": st.builds(Usage, input=counts, cache_read=counts, output=counts, reasoning=counts, images=counts),
        "duration_us": st.integers(0, 10**9),
        "ttft_us": st.none() | st.integers(0, 10**9),
        "cache_hit": st.booleans(),
    }
)


def batch(made: list[Closed], n: int) -> Batch:
    return Batch(incarnation="w", records=tuple(made), position=Position(n, 1, n))


def faults(database: Database) -> list[str]:
    with database.read() as connection:
        return [fault for _, fault in rollup_check.differences(connection) if fault]


def stored(database: Database) -> list[Any]:
    def of(connection: sa.Connection, table: sa.Table) -> list[Any]:
        joined = sa.join(table, SPEND_DIMENSIONS, table.c.dimension == SPEND_DIMENSIONS.c.id)
        columns = [SPEND_DIMENSIONS.c.digest, *list(table.columns)[1:]]
        return sorted(tuple(row) for row in connection.execute(sa.select(*columns).select_from(joined)))

    with database.read() as connection:
        return [of(connection, table) for table in (DAILY_SPEND, HOURLY_SPEND, LATENCY_SPREAD)]


@settings(max_examples=40, deadline=None)
@given(made=st.lists(records, max_size=25), cut=st.integers(0, 25))
def test_sums_are_those_of_the_rows_however_they_arrive(made: list[dict[str, Any]], cut: int) -> None:
    with TemporaryDirectory() as directory:
        database = migrated_sqlite(Path(directory) / "property.db")
        holds_sums(database, made, cut)
        database.close()


def holds_sums(database: Database, made: list[dict[str, Any]], cut: int) -> None:
    sink = DatabaseSink(database)
    rows = []
    for n, fields in enumerate(made, 1):
        cost = fields.pop("cost")
        made_now = closed(n, key_id="ab"[n % 2] * 64, **{"cost": cost.total, **fields})
        rows.append(msgspec.structs.replace(made_now, cost=cost))
    for part in (rows[:cut], rows[cut:]):
        sink.apply(batch(part, len(rows)))
        if part:
            with pytest.raises(DatabaseError):
                sink.apply(batch(part, len(rows)))
    assert faults(database) == []
    before = stored(database)
    with database.write() as connection:
        rollup_fill.rebuild(connection)
    assert stored(database) == before, "the migration sums what is there as ingestion does"


def test_what_nobody_reported_is_not_zero_tokens(database: Database) -> None:
    usages = (Usage(), Usage(input=0, output=0, source="provider"), Usage(input=3, source="provider"))
    DatabaseSink(database).apply(batch([closed(n, usage=usage) for n, usage in enumerate(usages, 1)], 3))
    with database.read() as connection:
        row = connection.execute(
            sa.select(DAILY_SPEND)
            .join(SPEND_DIMENSIONS, SPEND_DIMENSIONS.c.id == DAILY_SPEND.c.dimension)
            .where(SPEND_DIMENSIONS.c.kind == "model")
        ).one()
    assert (row.requests, row.uncounted, row.input, row.output) == (3, 1, 3, 0)


def test_hours_are_kept_for_some_weeks(database: Database) -> None:
    old = NOW_NS - (HOURS_KEPT + 5) * 3_600_000_000_000
    sink = DatabaseSink(database)
    sink.apply(batch([closed(1, at_ns=old), closed(2, at_ns=NOW_NS)], 2))
    with database.read() as connection:
        hours = set(connection.execute(sa.select(HOURLY_SPEND.c.hour)).scalars())
        days = set(connection.execute(sa.select(DAILY_SPEND.c.day)).scalars())
    assert hours == {NOW_NS // 3_600_000_000_000}
    assert days == {old // DAY_NS, NOW_NS // DAY_NS}
