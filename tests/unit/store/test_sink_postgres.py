from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from tests.support.servers import PostgresServer
from tests.unit.store.samples import closed

from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.record import Spend
from phantom_gateway.ledger.replay import Position
from phantom_gateway.store import spend
from phantom_gateway.store.database import Database, DatabaseError
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.spend_logs import COLUMNS, LogFilter, page, row_of
from phantom_gateway.store.tables import SPEND, TOTALS


def test_several_nodes_add_up_without_deadlocks(postgres: PostgresServer) -> None:
    """Each node's batches touch the same budgets in another order."""
    url = postgres.migrated()
    nodes = [postgres.open(url) for _ in range(4)]
    scopes = [f"budget:key:{number}:" for number in range(20)]

    def ingest(node: int) -> None:
        sink = DatabaseSink(nodes[node], f"node{node}")
        for n in range(1, 16):
            charged = tuple(Spend(scope, 0.0, 1) for scope in (scopes if node % 2 else reversed(scopes)))
            record = closed(n, cost=20, spends=charged)
            sink.apply(Batch(incarnation=f"w{node}", records=(record,), position=Position(n, 1, n)))

    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(ingest, node) for node in range(4)]:
            done.result(60)
    with nodes[0].read() as connection:
        amounts = connection.execute(sa.select(SPEND.c.amount_nano, SPEND.c.version)).all()
        assert [tuple(row) for row in amounts] == [(60, 60)] * 20
        assert connection.execute(sa.select(TOTALS.c.amount_nano)).scalar_one() == 4 * 15 * 20
    for node in nodes:
        node.close()


def test_a_row_comes_back_as_it_went_in(pg: Database) -> None:
    record = closed(
        1, end_user='quo"te\\ back\nline\ttab \\N', tags=("ä", "\\."), ttft_us=None, stream=True, trace_id=None
    )
    DatabaseSink(pg).apply(Batch(incarnation="w", records=(record,), position=Position(1, 1, 1)))
    with pg.read() as connection:
        (row,) = page(connection, LogFilter(), None, 10)
    assert tuple(row[name] for name in COLUMNS) == row_of("w", record)


def test_the_error_of_a_copy_quotes_no_row(pg: Database) -> None:
    sink = DatabaseSink(pg)
    batch = Batch(incarnation="w", records=(closed(1, end_user="somebody"),), position=Position(1, 1, 1))
    sink.apply(batch)
    with pytest.raises(DatabaseError) as caught:
        sink.apply(batch)
    assert "somebody" not in str(caught.value)
    assert isinstance(caught.value, sa.exc.IntegrityError)


def test_versions_tell_the_newer_of_two_readings(pg: Database) -> None:
    scope = "budget:key:k:"
    sink = DatabaseSink(pg)
    for n in (1, 2):
        record = closed(n, spends=(Spend(scope, 0.0, 5),))
        sink.apply(Batch(incarnation="w", records=(record,), position=Position(n, 1, n)))
    with pg.write() as connection:
        assert spend.versions(connection, [(scope, 0.0), ("none", 1.0)]) == {
            (scope, 0.0): (10, 2),
            ("none", 1.0): (0, 0),
        }
        spend.put_window(connection, scope, 0.0, 3)
        assert spend.versions(connection, [(scope, 0.0)]) == {(scope, 0.0): (3, 3)}
