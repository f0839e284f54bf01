from __future__ import annotations

from tests.unit.store.samples import KEY_ID, closed
from tests.unit.store.test_corrections import MADE, owner
from tests.unit.store.test_rollup_fill import batch

from phantom_gateway.store import corrections, total_sums
from phantom_gateway.store.database import Database
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import REQUESTS, TOTALS


def kept(database: Database) -> dict[str, tuple[int, int, float]]:
    with database.read() as connection:
        rows = connection.execute(TOTALS.select()).all()
    return {row.entity: (row.amount_nano, row.requests, row.last_active) for row in rows}


def test_totals_made_anew_are_those_that_were_kept(database: Database) -> None:
    records = [
        closed(1, cost=5, tags=("t", "u"), end_user="e", team_id="x", user_id="v"),
        closed(2, cost=7, team_id="x"),
        closed(3, cost=11, key_id="other", org_id="o"),
    ]
    DatabaseSink(database).apply(batch(records, 3))
    with database.write() as connection:
        corrections.book(connection, MADE, owner(connection))
    before = kept(database)
    assert before[f"key:{KEY_ID}"][:2] == (9, 2)
    with database.write() as connection:
        connection.execute(TOTALS.update().values(amount_nano=0, requests=9))
        total_sums.rebuild(connection)
    assert kept(database) == before


def test_sums_are_of_the_rows_asked_for(database: Database) -> None:
    DatabaseSink(database).apply(batch([closed(1, cost=5)], 1))
    with database.write() as connection:
        corrections.book(connection, MADE, owner(connection))
    with database.read() as connection:
        found = total_sums.of_rows(connection, REQUESTS.c.cost_nano < 0)
    assert found[f"key:{KEY_ID}"] == total_sums.Summed(-3, 0, 0.0)
