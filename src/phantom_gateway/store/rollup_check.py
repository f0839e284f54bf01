"""Whether the sums that dashboards show are the sums of the request log, day by day."""

from __future__ import annotations

import time
from collections.abc import Iterator

import sqlalchemy as sa

from phantom_gateway.store import retention, rollup_fill, spread_fill
from phantom_gateway.store.dimensions import Key
from phantom_gateway.store.rollup_fill import Sums
from phantom_gateway.store.rollup_tables import (
    DAILY_SPEND,
    DAY_US,
    FULL,
    HOUR_US,
    HOURLY_SPEND,
    HOURS_KEPT,
    LATENCY_SPREAD,
    METRICS,
    SPEND_DIMENSIONS,
)
from phantom_gateway.store.spread_fill import Counts
from phantom_gateway.store.tables import REQUESTS

_MARGIN = 48
"""Hours at the edge of what is kept by hour, where rows go while one looks."""


def differences(connection: sa.Connection) -> Iterator[tuple[int, str]]:
    """(sums compared, what is wrong with them: empty when nothing is) for each day and each wrong sum."""
    since_hour = int(time.time() * 1_000_000) // HOUR_US - HOURS_KEPT + _MARGIN
    kept_since = retention.removed_before(connection) // DAY_US
    for day in _days(connection):
        if day < kept_since:
            continue  # its rows are removed; its sums stay
        logged = rollup_fill.logged(connection, day * DAY_US, (day + 1) * DAY_US)
        days, hours = rollup_fill.fold(logged, since_hour)
        first_hour = max(day * 24, since_hour)
        kept_hours = _kept(connection, HOURLY_SPEND, first_hour, day * 24 + 23)
        yield len(days) + len(hours), ""
        yield from _compared(f"day {day}", days, _kept(connection, DAILY_SPEND, day, day))
        yield from _compared(f"hours of day {day}", hours, kept_hours)
        spread = spread_fill.of_groups(spread_fill.logged(connection, day * DAY_US, (day + 1) * DAY_US))
        yield len(spread), ""
        yield from _spread(day, spread, _kept_spread(connection, day))


def _spread(day: int, logged: Counts, kept: Counts) -> Iterator[tuple[int, str]]:
    for place in sorted(logged.keys() | kept.keys()):
        if logged.get(place) != kept.get(place):
            (kind, *named), _, bin_ = place
            name = next((part for part in named if part), "")
            yield (
                0,
                f"times of day {day}, {kind} {name}, bin {bin_}: {logged.get(place)} by the rows, {kept.get(place)} kept",
            )


def _compared(where: str, logged: Sums, kept: Sums) -> Iterator[tuple[int, str]]:
    for key, bucket in sorted(logged.keys() | kept.keys()):
        mine, stored = logged.get((key, bucket)), kept.get((key, bucket))
        if mine != stored:
            kind = key[0]
            named = next((part for part in key[1:] if part), "")
            yield 0, f"{where}, {kind} {named}: the rows say {_cost(mine)}, the sums say {_cost(stored)}"


def _cost(sums: list[int] | None) -> str:
    if sums is None:
        return "nothing"
    return f"{sums[0]} requests for {sums[METRICS.index('cost_nano')]} nano-dollars"


def _days(connection: sa.Connection) -> list[int]:
    logged = connection.execute(sa.select(sa.func.min(REQUESTS.c.started_at), sa.func.max(REQUESTS.c.started_at))).one()
    days = set(connection.execute(sa.select(DAILY_SPEND.c.day).distinct()).scalars())
    if logged[0] is not None:
        days.update(range(logged[0] // DAY_US, logged[1] // DAY_US + 1))
    return sorted(days)


def _kept_spread(connection: sa.Connection, day: int) -> Counts:
    table, dimension = LATENCY_SPREAD.c, SPEND_DIMENSIONS.c
    columns = [dimension[name] for name in ("kind", *FULL, "name")]
    query = sa.select(*columns, table.bin, table.answers, table.firsts)
    query = query.select_from(sa.join(LATENCY_SPREAD, SPEND_DIMENSIONS, table.dimension == dimension.id))
    width = len(columns)
    rows = connection.execute(query.where(table.day == day))
    return {(tuple(row[:width]), day, row[width]): [int(each) for each in row[width + 1 :]] for row in rows}


def _kept(connection: sa.Connection, table: sa.Table, first: int, last: int) -> Sums:
    dimension = SPEND_DIMENSIONS.c
    bucket = table.c.day if table is DAILY_SPEND else table.c.hour
    columns = [dimension[name] for name in ("kind", *FULL, "name")]
    query = (
        sa.select(*columns, bucket, *(table.c[name] for name in METRICS))
        .select_from(sa.join(table, SPEND_DIMENSIONS, table.c.dimension == dimension.id))
        .where(bucket.between(first, last))
    )
    width = len(columns)
    found: Sums = {}
    for row in connection.execute(query):
        key: Key = tuple(row[:width])
        found[key, row[width]] = [int(each) for each in row[width + 1 :]]
    return found
