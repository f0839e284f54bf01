"""Sums of the request log, filled in the transaction that stores the rows: exactly once, as the rows.

A batch is summed in memory first, so that the database sees one upsert per dimension and bucket. Upserts go in the order of
their keys: several nodes never wait for each other in a circle.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from operator import add as add_integers
from operator import itemgetter
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store.grouping import WIDTH, Groups
from phantom_gateway.store.rollup_tables import (
    DAILY_SPEND,
    FULL,
    HOUR_US,
    HOURLY,
    HOURLY_SPEND,
    HOURS_KEPT,
    KINDS,
    METRICS,
    PARTS,
    SPEND_DIMENSIONS,
)
from phantom_gateway.store.tables import REQUESTS

CORRECTION = "correction"
"""The call type of rows that correct the ledger: their amount counts, they are no requests."""

Key = tuple[str, ...]
"""(kind, the columns of FULL, name)"""
Group = tuple[int, Key, str, tuple[str, ...]]
"""(hour, (kind, the columns of FULL), end user, tags)"""
Sums = dict[tuple[Key, int], list[int]]
"""By dimension and bucket."""

_CHUNK = 400
_FLUSH = 20_000


def _kept(kind: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """What a kind keeps of (kind, the columns of FULL, name, ""), without the kind: "" for the columns that say nothing of it."""
    columns = (*FULL, "name")
    return itemgetter(*[n if name in KINDS[kind] else len(columns) + 1 for n, name in enumerate(columns, 1)])


_PARTS = {kind: [(part, _kept(part)) for part in parts] for kind, parts in PARTS.items()}


def add(connection: sa.Connection, groups: Groups, known: Mapping[Key, int]) -> dict[Key, int]:
    """Count rows that are stored in this transaction.

    ``known`` are ids of dimensions; the answer has those that were looked up beside, good once the transaction is committed.
    """
    if not groups:
        return {}
    return store(connection, _named(groups), int(time.time() * 1_000_000) // HOUR_US - HOURS_KEPT, known)


def store(
    connection: sa.Connection,
    groups: Iterable[tuple[Group, list[int]]],
    since_hour: int,
    known: Mapping[Key, int] = MappingProxyType({}),
) -> dict[Key, int]:
    """Add sums of groups to what is kept; by hour only what lies at or after ``since_hour``, and nothing older stays."""
    days, hours = fold(groups, since_hour)
    keys = dict.fromkeys([key for key, _ in days])
    found = _identified(connection, [key for key in keys if key not in known])
    ids = {key: known[key] if key in known else found[key] for key in keys}
    for table, sums in ((DAILY_SPEND, days), (HOURLY_SPEND, hours)):
        if sums:
            _upsert(connection, table, sorted([(ids[key], bucket, *values) for (key, bucket), values in sums.items()]))
    connection.execute(sa.delete(HOURLY_SPEND).where(HOURLY_SPEND.c.hour < since_hour))
    return found


def rebuild(connection: sa.Connection) -> None:
    """Sum the whole request log anew."""
    connection.execute(sa.delete(DAILY_SPEND))
    connection.execute(sa.delete(HOURLY_SPEND))  # dimensions stay: their ids are known to whoever counts
    since_hour = int(time.time() * 1_000_000) // HOUR_US - HOURS_KEPT
    chunk: list[tuple[Group, list[int]]] = []
    for group in logged(connection):
        chunk.append(group)
        if len(chunk) >= _FLUSH:
            store(connection, chunk, since_hour)
            chunk.clear()
    store(connection, chunk, since_hour)


def logged(
    connection: sa.Connection, since: int | None = None, until: int | None = None
) -> Iterator[tuple[Group, list[int]]]:
    """The request log in groups; from ``since`` to before ``until``, Unix microseconds."""
    table = REQUESTS.c
    hour = table.started_at // HOUR_US
    model = sa.case((table.upstream_model != "", table.upstream_model), else_=table.model)
    group = sa.case((table.model_group != "", table.model_group), else_=table.model)
    owners = [sa.func.coalesce(table[name], "") for name in ("user_id", "team_id", "org_id", "project_id")]
    columns = [hour, table.key_id, *owners, model, group, table.provider, table.call_type]
    columns += [sa.func.coalesce(table.end_user, ""), table.tags]
    query = sa.select(*columns, *_sums()).group_by(*columns)
    if since is not None:
        query = query.where(table.started_at >= since)
    if until is not None:
        query = query.where(table.started_at < until)
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
        for part, kept in _PARTS[key[0]]:
            _count(sums, ((part, *kept(whole)), hour), values)


def _count(sums: dict[Any, list[int]], key: Any, values: list[int]) -> None:
    kept = sums.get(key)
    sums[key] = values if kept is None else list(map(add_integers, kept, values))


def _named(groups: Groups) -> Iterator[tuple[Group, list[int]]]:
    """Groups of records with the columns of dimensions."""
    for (hour, fields), sums in groups.items():
        key_id, user, team, org, project, end_user, tags, upstream_model, model, group, provider, call_type = fields
        called = (upstream_model or model, group or model, provider, call_type)
        key = ("full", key_id, user or "", team or "", org or "", project or "", *called)
        yield (hour, key, end_user or "", tags), sums[:WIDTH]


def _sums() -> list[sa.ColumnElement[int]]:
    """``METRICS`` of the request log in SQL."""
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
    return [counted[name] if name in counted else sa.func.coalesce(sa.func.sum(table[name]), 0) for name in METRICS]


def _many(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0))


def digest_of(key: Key) -> str:
    """The name of a dimension: 128 bits, since callers choose some of what is in it."""
    return hashlib.blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _identified(connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, int]:
    if not keys:
        return {}
    by_digest = {digest_of(key): key for key in sorted(keys)}
    known = _known(connection, list(by_digest))
    missing = sorted(by_digest.keys() - known.keys())
    if missing:
        statement = _insertion(connection.dialect.paramstyle)
        connection.exec_driver_sql(statement, [(digest, *by_digest[digest]) for digest in missing])
        known |= _known(connection, missing)
    return {key: known[digest] for digest, key in by_digest.items()}


def _known(connection: sa.Connection, digests: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for start in range(0, len(digests), _CHUNK):
        chunk = tuple(digests[start : start + _CHUNK])
        statement = _lookup(connection.dialect.paramstyle, len(chunk))
        found.update({row[0]: row[1] for row in connection.exec_driver_sql(statement, chunk)})
    return found


def _upsert(connection: sa.Connection, table: sa.Table, rows: list[tuple[int, ...]]) -> None:
    if connection.dialect.name == "postgresql":
        # One statement and a text for each column: they are integers only, and thousands of parameters cost more than all else.
        columns = tuple(["{" + ",".join(map(str, column)) + "}" for column in zip(*rows, strict=True)])
        connection.exec_driver_sql(_upsert_arrays(table.name), columns)
    else:
        connection.exec_driver_sql(_upsert_row(table.name), rows)


# Texts of statements, past SQLAlchemy's parameters as in ``spend_logs``: the names are our own, the values are bound.


@cache
def _lookup(paramstyle: str, count: int) -> str:
    marks = ", ".join([_mark(paramstyle)] * count)
    return f"SELECT digest, id FROM {SPEND_DIMENSIONS.name} WHERE digest IN ({marks})"  # noqa: S608 only names of our own


@cache
def _insertion(paramstyle: str) -> str:
    names = ("digest", "kind", *FULL, "name")
    marks = ", ".join([_mark(paramstyle)] * len(names))
    table = SPEND_DIMENSIONS.name
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) ON CONFLICT (digest) DO NOTHING"  # noqa: S608 only names of our own


@cache
def _upsert_row(table: str) -> str:
    names = _names(table)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))}) {_merge(table)}"  # noqa: S608 only names of our own


@cache
def _upsert_arrays(table: str) -> str:
    names = ", ".join(_names(table))
    arrays = ", ".join(["CAST(%s AS int8[])"] * len(_names(table)))
    return f"INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) {_merge(table)}"  # noqa: S608 only names of our own


def _names(table: str) -> tuple[str, ...]:
    return "dimension", _bucket(table), *METRICS


def _bucket(table: str) -> str:
    return "day" if table == DAILY_SPEND.name else "hour"


def _merge(table: str) -> str:
    sums = ", ".join([f"{name} = {table}.{name} + excluded.{name}" for name in METRICS])
    return f"ON CONFLICT (dimension, {_bucket(table)}) DO UPDATE SET {sums}"


def _mark(paramstyle: str) -> str:
    return "?" if paramstyle == "qmark" else "%s"
