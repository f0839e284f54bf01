from __future__ import annotations

import sqlalchemy as sa

from phantom_gateway.store import adding
from phantom_gateway.store.adding import Summed
from phantom_gateway.store.database import Database
from phantom_gateway.store.rollup_tables import LATENCY_SPREAD

SPREAD = Summed("latency_spread", ("dimension", "day", "bin"), ("answers", "firsts"))


def test_what_is_there_grows_and_the_rest_is_made(database: Database) -> None:
    with database.write() as connection:
        adding.add(connection, SPREAD, [(1, 2, 3, 4, 5)])
        adding.add(connection, SPREAD, [(1, 2, 3, 10, 0), (1, 2, 4, 1, 1)])
        adding.add(connection, SPREAD, [])
    with database.read() as connection:
        rows = connection.execute(sa.select(LATENCY_SPREAD).order_by(LATENCY_SPREAD.c.bin)).all()
    assert [tuple(row) for row in rows] == [(1, 2, 3, 14, 5), (1, 2, 4, 1, 1)]
