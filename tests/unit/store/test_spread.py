from __future__ import annotations

from bisect import bisect_right

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.store import spread
from phantom_gateway.store.database import Database
from phantom_gateway.store.spread import BOUNDS


def test_what_bins_mean_never_changes() -> None:
    assert (BOUNDS[0], BOUNDS[4], BOUNDS[40], BOUNDS[-1], len(BOUNDS)) == (1_000, 2_000, 1_024_000, 4_194_304_000, 89)
    assert sorted(set(BOUNDS)) == list(BOUNDS)


@given(st.lists(st.integers(1_000, 10**9), min_size=1, max_size=200), st.sampled_from([0.5, 0.95]))
def test_percentiles_are_close(times: list[int], share: float) -> None:
    counts: dict[int, int] = {}
    for each in times:
        place = bisect_right(BOUNDS, each)
        counts[place] = counts.get(place, 0) + 1
    exact = sorted(times)[max(0, -(-int(share * 1000) * len(times) // 1000) - 1)]
    found = spread.quantile(counts, share)
    assert found is not None
    assert exact / 1.2 <= found <= exact * 1.2


def test_of_nothing_there_is_no_percentile() -> None:
    assert spread.quantile({}, 0.5) is None
    assert spread.merged([(3, 0, 0)]) == ({}, {})
    assert spread.merged([(3, 2, 1), (3, 1, 0)]) == ({3: 3}, {3: 1})


@pytest.mark.parametrize("time", [0, 999, 1_000, 1_001, 5_000, BOUNDS[50] - 1, BOUNDS[50], BOUNDS[-1], 10**12])
def test_the_database_finds_the_same_bins(database: Database, time: int) -> None:
    with database.read() as connection:
        times = sa.select(sa.literal(time, sa.BigInteger).label("time")).subquery("seen")
        found = connection.execute(sa.select(spread.bin_in_sql("seen.time")).select_from(times)).scalar_one()
    assert found == bisect_right(BOUNDS, time)
