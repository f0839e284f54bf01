from __future__ import annotations

import sqlalchemy as sa
from tests.unit.store.samples import closed
from tests.unit.store.test_rollup_fill import NOW_NS, batch, faults

from phantom_gateway.store import spread_fill
from phantom_gateway.store.database import Database
from phantom_gateway.store.rollup_tables import LATENCY_SPREAD, SPEND_DIMENSIONS
from phantom_gateway.store.sink import DatabaseSink

ROWS = (
    sa.select(SPEND_DIMENSIONS.c.kind, LATENCY_SPREAD.c.bin, LATENCY_SPREAD.c.answers, LATENCY_SPREAD.c.firsts)
    .join(SPEND_DIMENSIONS, SPEND_DIMENSIONS.c.id == LATENCY_SPREAD.c.dimension)
    .order_by(SPEND_DIMENSIONS.c.kind, LATENCY_SPREAD.c.bin)
)


def test_times_of_what_succeeded_are_counted(database: Database) -> None:
    calls = [
        closed(1, at_ns=NOW_NS, duration_us=4_000, ttft_us=1_500),
        closed(2, at_ns=NOW_NS, duration_us=4_100, ttft_us=None),
        closed(3, at_ns=NOW_NS, duration_us=4_100, status="failure"),
    ]
    DatabaseSink(database).apply(batch(calls, 3))
    with database.read() as connection:
        found = [tuple(row) for row in connection.execute(ROWS)]
    assert found == [
        (kind, place, *counts) for kind in ("model", "owner") for place, counts in ((3, (0, 1)), (9, (2, 0)))
    ]
    with database.write() as connection:
        spread_fill.rebuild(connection)
        assert [tuple(row) for row in connection.execute(ROWS)] == found


def test_a_wrong_count_is_found(database: Database) -> None:
    DatabaseSink(database).apply(batch([closed(1, at_ns=NOW_NS, duration_us=4_000)], 1))
    assert faults(database) == []
    with database.write() as connection:
        connection.execute(sa.update(LATENCY_SPREAD).values(answers=2))
    assert len(faults(database)) == 2
