"""Fills ``store.spread``: from batches that are taken in, and anew from the request log."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store import adding, spread
from phantom_gateway.store.adding import Summed
from phantom_gateway.store.dimensions import CORRECTION, PARTS_KEPT, Key, group_columns, identified, within
from phantom_gateway.store.rollup_tables import LATENCY_SPREAD
from phantom_gateway.store.spread import FIRSTS
from phantom_gateway.store.tables import REQUESTS

Counts = dict[tuple[Key, int, int], list[int]]
"""By dimension, day and bin: how many answers, how many first bytes."""
_KEPT = [(kind, kept) for kind, kept in PARTS_KEPT["full"] if kind in spread.KINDS]
_TABLE = Summed(LATENCY_SPREAD.name, ("dimension", "day", "bin"), ("answers", "firsts"))
_FLUSH = 20_000


def add(connection: sa.Connection, counts: Counts, id_of: Callable[[Key], int]) -> None:
    """Add counts to what is kept; ``id_of`` knows the dimensions."""
    rows = [(id_of(key), day, place, *found) for (key, day, place), found in counts.items()]
    adding.add(connection, _TABLE, sorted(rows))


def of_groups(groups: Iterable[tuple[int, Key, dict[int, int]]]) -> Counts:
    """Counts of (hour, (kind "full", the columns of FULL), bins as ``grouping`` has them)."""
    found: Counts = {}
    for hour, key, bins in groups:
        if not bins:
            continue
        whole, day = (*key, "", ""), hour // 24
        for kind, kept in _KEPT:
            named = (kind, *kept(whole))
            for place, count in bins.items():
                first = place >= FIRSTS
                counted = (named, day, place - FIRSTS if first else place)
                there = found.get(counted)
                if there is None:
                    there = found[counted] = [0, 0]
                there[first] += count
    return found


def rebuild(connection: sa.Connection) -> None:
    """Count the whole request log anew."""
    spread.clear(connection)
    counts = of_groups(logged(connection))
    keys = list(dict.fromkeys([key for key, _, _ in counts]))
    ids: dict[Key, int] = {}
    for start in range(0, len(keys), _FLUSH):
        ids |= identified(connection, keys[start : start + _FLUSH])
    rows = sorted([(ids[key], day, place, *found) for (key, day, place), found in counts.items()])
    for start in range(0, len(rows), _FLUSH):
        adding.add(connection, _TABLE, rows[start : start + _FLUSH])


def logged(
    connection: sa.Connection, since: int | None = None, until: int | None = None
) -> Iterator[tuple[int, Key, dict[int, int]]]:
    """The request log as ``of_groups`` takes it; from ``since`` to before ``until``, Unix microseconds."""
    table = REQUESTS.c
    measures: tuple[tuple[sa.ColumnElement[Any], int], ...] = ((table.duration_us, 0), (table.ttft_us, FIRSTS))
    for measured, first in measures:
        columns = [*group_columns(), spread.bin_in_sql(str(measured))]
        query = within(sa.select(*columns, sa.func.count()), since, until)
        query = query.where(table.status == "success", table.call_type != CORRECTION, measured.is_not(None))
        for hour, *key, place, count in connection.execute(query.group_by(*columns)):
            yield int(hour), ("full", *key), {int(place) + first: int(count)}
