from __future__ import annotations

from tests.unit.store.samples import closed

from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.replay import Position
from phantom_gateway.store import latency_sample
from phantom_gateway.store.database import Database
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.spread import quantile

DAY = 20_833
DAY_NS = 86_400_000_000_000


def test_only_the_days_and_what_succeeded_count(database: Database) -> None:
    made = [
        closed(n, at_ns=(DAY + n % 2) * DAY_NS + n, end_user="acme", duration_us=1_000_000 * (1 + n % 2), ttft_us=90_000,
               status="failure" if n > 8 else "success")
        for n in range(1, 11)
    ]  # fmt: skip
    DatabaseSink(database).apply(Batch(incarnation="w", records=tuple(made), position=Position(10, 1, 1)))
    with database.read() as connection:
        found = latency_sample.spreads(connection, "name", ["acme", "nobody"], (DAY, DAY))
        both = latency_sample.spreads(connection, "name", ["acme"], (DAY, DAY + 1))
    assert list(found) == [("acme",)]
    spread, count = found[("acme",)]
    assert (count, both[("acme",)][1]) == (4, 8)
    assert 840_000 < (quantile(spread.answers, 0.95) or 0) < 1_190_000
    assert 75_000 < (quantile(spread.firsts, 0.5) or 0) < 110_000
