from __future__ import annotations

import sqlalchemy as sa

from phantom_gateway.store.rollup_tables import DAILY_SPEND, HOURLY, HOURLY_SPEND, KINDS, METRICS, SPEND_DIMENSIONS


def test_sums_are_integers_and_of_the_same_columns() -> None:
    for table, bucket in ((DAILY_SPEND, "day"), (HOURLY_SPEND, "hour")):
        assert [column.name for column in table.columns] == ["dimension", bucket, *METRICS]
        assert all(isinstance(column.type, sa.BigInteger) for column in table.columns)


def test_every_kind_names_columns_that_there_are() -> None:
    for kind, columns in KINDS.items():
        assert set(columns) <= set(SPEND_DIMENSIONS.c.keys()), kind
    assert set(KINDS) > HOURLY
