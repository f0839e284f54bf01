"""Sums of the request log, filled in the transaction that stores the rows: exactly once, as the rows.

A batch is summed in memory first, so that the database sees one upsert per dimension and bucket. Upserts go in the order of
their keys: several nodes never wait for each other in a circle.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from operator import add as add_integers
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store import adding, spread_fill
from phantom_gateway.store.adding import Summed
from phantom_gateway.store.dimensions import CORRECTION, PARTS_KEPT, Key, group_columns, identified, within
from phantom_gateway.store.grouping import WIDTH, Groups
from phantom_gateway.store.rollup_tables import (
    DAILY_SPEND,
    FIRST_METRICS,
    FULL,
    HOUR_US,
    HOURLY,
    HOURLY_SPEND,
    HOURS_KEPT,
    METRICS,
)
from phantom_gateway.store.tables import REQUESTS

Group = tuple[int, Key, str, tuple[str, ...]]
"""(hour, (kind, the columns of FULL), end user, tags)"""
Sums = dict[tuple[Key, int], list[int]]
"""By dimension and bucket."""

_COST_PARTS = {"cost_input": 0, "cost_cache_read": 2, "cost_cache_write": 3}
"""Metrics that are a part of the cost, and where in ``cost_parts``."""
_FLUSH = 20_000


def add(connection: sa.Connection, groups: Groups, known: Mapping[Key, int]) -> dict[Key, int]:
    """Count rows that are stored in this transaction.

    ``known`` are ids of dimensions; the answer has those that were looked up beside, good once the transaction is committed.
    """
    if not groups:
        return {}
    named = list(_named(groups))
    found = store(connection, named, int(time.time() * 1_000_000) // HOUR_US - HOURS_KEPT, known)
    binned = ((hour, key, bins) for ((hour, key, _, _), _), (_, bins) in zip(named, groups.values(), strict=True))
    spread_fill.add(connection, spread_fill.of_groups(binned), lambda key: known[key] if key in known else found[key])
    return found


def store(
    connection: sa.Connection,
    groups: Iterable[tuple[Group, list[int]]],
    since_hour: int,
    known: Mapping[Key, int] = MappingProxyType({}),
    metrics: tuple[str, ...] = METRICS,
) -> dict[Key, int]:
    """Add sums of groups to what is kept; by hour only what lies at or after ``since_hour``, and nothing older stays.

    ``metrics``: what the sums are; only migrations have fewer than all.
    """
    days, hours = fold(groups, since_hour)
    keys = dict.fromkeys([key for key, _ in days])
    found = identified(connection, [key for key in keys if key not in known])
    ids = {key: known[key] if key in known else found[key] for key in keys}
    for table, sums in ((DAILY_SPEND, days), (HOURLY_SPEND, hours)):
        if sums:
            rows = sorted([(ids[key], bucket, *values) for (key, bucket), values in sums.items()])
            bucket = "day" if table is DAILY_SPEND else "hour"
            adding.add(connection, Summed(table.name, ("dimension", bucket), metrics), rows)
    connection.execute(sa.delete(HOURLY_SPEND).where(HOURLY_SPEND.c.hour < since_hour))
    return found


def rebuild(connection: sa.Connection, metrics: tuple[str, ...] = METRICS) -> None:
    """Sum the whole request log anew; with all ``metrics`` also how long answers took."""
    connection.execute(sa.delete(DAILY_SPEND))
    connection.execute(sa.delete(HOURLY_SPEND))  # dimensions stay: their ids are known to whoever counts
    since_hour = int(time.time() * 1_000_000) // HOUR_US - HOURS_KEPT
    chunk: list[tuple[Group, list[int]]] = []
    for group in logged(connection, metrics=metrics):
        chunk.append(group)
        if len(chunk) >= _FLUSH:
            store(connection, chunk, since_hour, metrics=metrics)
            chunk.clear()
    store(connection, chunk, since_hour, metrics=metrics)
    if metrics == METRICS:
        spread_fill.rebuild(connection)


def add_later_metrics(connection: sa.Connection) -> None:
    """Add to sums that have only ``FIRST_METRICS`` what the log says of the others; for the migration that brings those."""
    since_hour = int(time.time() * 1_000_000) // HOUR_US - HOURS_KEPT
    none = [0] * len(FIRST_METRICS)
    chunk: list[tuple[Group, list[int]]] = []
    for group, sums in logged(connection):
        if any(sums[len(none) :]):
            chunk.append((group, none + sums[len(none) :]))
        if len(chunk) >= _FLUSH:
            store(connection, chunk, since_hour)
            chunk.clear()
    store(connection, chunk, since_hour)
    spread_fill.rebuild(connection)


def logged(
    connection: sa.Connection,
    since: int | None = None,
    until: int | None = None,
    metrics: tuple[str, ...] = METRICS,
) -> Iterator[tuple[Group, list[int]]]:
    """The request log in groups; from ``since`` to before ``until``, Unix microseconds."""
    table = REQUESTS.c
    columns = [*group_columns(), sa.func.coalesce(table.end_user, ""), table.tags]
    query = sa.select(*columns, *_sums(metrics, connection.dialect.name)).group_by(*columns)
    query = within(query, since, until)
    width = len(FULL)
    for row in connection.execute(query):
        end_user, tags, *sums = row[width + 1 :]
        yield (row[0], ("full", *row[1 : width + 1]), end_user, tuple(json.loads(tags))), [int(each) for each in sums]


def fold(groups: Iterable[tuple[Group, list[int]]], since_hour: int) -> tuple[Sums, Sums]:
    """Sums by day and by hour of every kind of dimension."""
    every: Sums = {}
    tagged: dict[tuple[int, Key, tuple[str, ...]], list[int]] = {}
    for (hour, key, end_user, tags), values in groups:
        _count(every, ((*key, ""), hour), values)
        if tags:
            _count(tagged, (hour, key, tags), values)
        if end_user:
            _count(every, (("customer", *key[1:], end_user), hour), values)
    for (hour, key, tags), values in tagged.items():  # fewer: every customer may come with every tag
        for tag in dict.fromkeys(tags):
            _count(every, (("tag", *key[1:], tag), hour), values)
    _add_parts(every)
    if len({hour for _, hour in every}) == 1:  # as nearly always
        days = {(key, hour // 24): values for (key, hour), values in every.items()}
    else:
        days = {}
        for (key, hour), values in every.items():
            _count(days, (key, hour // 24), values)
    hours = {place: values for place, values in every.items() if place[1] >= since_hour and place[0][0] in HOURLY}
    return days, hours


def _add_parts(sums: Sums) -> None:
    """Sums of the coarser kinds, from those that are there: they are fewer than the groups."""
    for (key, hour), values in list(sums.items()):
        whole = (*key, "")
        for part, kept in PARTS_KEPT[key[0]]:
            _count(sums, ((part, *kept(whole)), hour), values)


def _count(sums: dict[Any, list[int]], key: Any, values: list[int]) -> None:
    kept = sums.get(key)
    sums[key] = values if kept is None else list(map(add_integers, kept, values))


def _named(groups: Groups) -> Iterator[tuple[Group, list[int]]]:
    """Groups of records with the columns of dimensions."""
    for (hour, fields), (sums, _bins) in groups.items():
        key_id, user, team, org, project, end_user, tags, upstream_model, model, group, provider, call_type = fields
        called = (upstream_model or model, group or model, provider, call_type)
        key = ("full", key_id, user or "", team or "", org or "", project or "", *called)
        yield (hour, key, end_user or "", tags), sums[:WIDTH]


def _sums(metrics: tuple[str, ...], dialect: str) -> list[sa.ColumnElement[int]]:
    """``metrics`` of the request log in SQL."""
    table = REQUESTS.c
    real = table.call_type != CORRECTION
    success = table.status == "success"
    unknown = sa.and_(table.input.is_(None), table.output.is_(None))
    counted = {
        "requests": _many(real),
        "successes": _many(real, success),
        "failures": _many(real, ~success),
        "uncounted": _many(real, unknown),
        "cache_hits": _many(table.cache_hit.is_(sa.true())),
        "timed": _many(table.ttft_us.is_not(None)),
    }
    parts = {name: _part(dialect, n) for name, n in _COST_PARTS.items()}
    return [
        counted[name]
        if name in counted
        else sa.func.coalesce(sa.func.sum(parts[name] if name in parts else table[name]), 0)
        for name in metrics
    ]


def _part(dialect: str, n: int) -> sa.ColumnElement[int]:
    """The n-th of the ``cost_parts``, which are a JSON list; NULL where there is none."""
    if dialect == "postgresql":
        return sa.cast(sa.cast(REQUESTS.c.cost_parts, sa.JSON).op("->>")(sa.literal_column(str(n))), sa.BigInteger)
    return sa.func.json_extract(REQUESTS.c.cost_parts, f"$[{n}]")


def _many(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0))
