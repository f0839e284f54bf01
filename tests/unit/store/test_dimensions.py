from __future__ import annotations

import sqlalchemy as sa

from phantom_gateway.store import dimensions
from phantom_gateway.store.database import Database
from phantom_gateway.store.rollup_tables import SPEND_DIMENSIONS


def test_the_digest_keeps_columns_apart() -> None:
    assert dimensions.digest_of(("full", "a", "b")) != dimensions.digest_of(("full", "ab", ""))
    assert len(dimensions.digest_of(("full", "\ud800"))) == 32


def test_a_dimension_is_made_once(database: Database) -> None:
    keys = [("model", *[""] * 5, name, name, "p", "c", "") for name in ("a", "b")]
    with database.write() as connection:
        first = dimensions.identified(connection, keys[:1])
        both = dimensions.identified(connection, keys)
    assert first.items() <= both.items()
    with database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(SPEND_DIMENSIONS)).scalar() == 2
