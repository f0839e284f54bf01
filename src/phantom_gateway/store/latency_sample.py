"""How long answers took for whom no counts are kept (``store.spread``): keys and customers, by their newest requests.

What is kept by key would be as many rows as there are keys, days and bins; the log itself is found by key and by customer through
an index, so the newest of each are looked at. That is a sample: how many requests it is of is said with it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store.rollup_tables import DAY_US
from phantom_gateway.store.spread import BOUNDS, Spread
from phantom_gateway.store.tables import REQUESTS

NEWEST = 300
"""Requests of each that are looked at."""
COLUMNS = {"key_id": REQUESTS.c.key_id, "name": REQUESTS.c.end_user}
"""Columns of sums whose values the log is indexed by; ``name`` where it is the name of a customer."""


def spreads(
    connection: sa.Connection,
    column: str,
    values: Sequence[str],
    days: tuple[int, int],
    conditions: Sequence[sa.ColumnElement[bool]] = (),
) -> dict[tuple[str, ...], tuple[Spread, int]]:
    """Of each value that has any, and how many requests that is of. ``days``: the first and the last, since the epoch."""
    found: dict[tuple[str, ...], tuple[Spread, int]] = {}
    for value in values:
        spread, count = _spread(connection, [COLUMNS[column] == value, *conditions], days)
        if count:
            found[(value,)] = spread, count
    return found


def _spread(
    connection: sa.Connection, conditions: Sequence[sa.ColumnElement[bool]], days: tuple[int, int]
) -> tuple[Spread, int]:
    table = REQUESTS.c
    query = sa.select(table.status, table.duration_us, table.ttft_us).where(*conditions)
    query = query.where(table.started_at >= days[0] * DAY_US, table.started_at < (days[1] + 1) * DAY_US)
    rows = connection.execute(query.order_by(table.started_at.desc()).limit(NEWEST)).all()
    good = [row for row in rows if row[0] == "success"]
    return Spread(_binned(row[1] for row in good), _binned(row[2] for row in good if row[2] is not None)), len(good)


def _binned(times: Any) -> dict[int, int]:
    bins: dict[int, int] = {}
    for each in times:
        place = bisect_right(BOUNDS, each)
        bins[place] = bins.get(place, 0) + 1
    return bins
