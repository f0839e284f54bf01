from __future__ import annotations

import sqlalchemy as sa
from tests.unit.store.samples import closed
from tests.unit.store.test_rollup_fill import NOW_NS, batch, faults

from phantom_gateway.store.database import Database
from phantom_gateway.store.rollup_tables import DAILY_SPEND, HOURLY_SPEND
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import REQUESTS


def test_every_deviation_is_found_and_named(database: Database) -> None:
    DatabaseSink(database).apply(batch([closed(n, at_ns=NOW_NS, tags=("t",)) for n in (1, 2)], 2))
    assert faults(database) == []
    with database.write() as connection:
        connection.execute(sa.update(HOURLY_SPEND).values(cost_nano=11))
    found = faults(database)
    assert len(found) == 7, "full, model, key, owner, tag, tags and tag_model"
    assert "the rows say 2 requests for 10 nano-dollars, the sums say 2 requests for 11 nano-dollars" in found[0]
    with database.write() as connection:
        connection.execute(sa.update(HOURLY_SPEND).values(cost_nano=10))
        connection.execute(sa.delete(DAILY_SPEND))
    assert len(faults(database)) == 8
    with database.write() as connection:
        connection.execute(sa.delete(REQUESTS))
        connection.execute(sa.delete(HOURLY_SPEND))
    assert faults(database) == []
