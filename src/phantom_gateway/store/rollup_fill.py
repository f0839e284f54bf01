"""Sums of the request log, filled in the transaction that stores the rows: exactly once, as the rows.

A batch is summed in memory first, so that the database sees one upsert per dimension and bucket. Upserts go in the order of
their keys: several nodes never wait for each other in a circle.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from operator import add as add_integers

import sqlalchemy as sa

from phantom_gateway.ledger.record import Closed
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

_KEPT = {kind: [name in columns for name in (*FULL, "name")] for kind, columns in KINDS.items()}
"""Which columns a kind keeps."""
_WIDTH = len(METRICS)
_CHUNK = 400
_FLUSH = 20_000


def add(connection: sa.Connection, closed: Sequence[Closed]) -> None:
    """Count rows that are stored in this transaction."""
    groups = _grouped(closed)
    if groups:
        store(connection, groups.items(), int(time.time() * 1_000_000) // HOUR_US - HOURS_KEPT)


def store(connection: sa.Connection, groups: Iterable[tuple[Group, list[int]]], since_hour: int) -> None:
    """Add sums of groups to what is kept; by hour only what lies at or after ``since_hour``, and nothing older stays."""
    days, hours = fold(groups, since_hour)
    ids = _identified(connection, {key for key, _ in (*days, *hours)})
    for table, sums in ((DAILY_SPEND, days), (HOURLY_SPEND, hours)):
        if sums:
            rows = sorted((ids[key], bucket, *values) for (key, bucket), values in sums.items())
            connection.exec_driver_sql(_upsert(table.name, connection.dialect.paramstyle), rows)
    connection.execute(sa.delete(HOURLY_SPEND).where(HOURLY_SPEND.c.hour < since_hour))


def rebuild(connection: sa.Connection) -> None:
    """Sum the whole request log anew."""
    connection.execute(sa.delete(DAILY_SPEND))
    connection.execute(sa.delete(HOURLY_SPEND))
    connection.execute(sa.delete(SPEND_DIMENSIONS))
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
    days: Sums = {}
    hours: Sums = {}
    for (hour, key, end_user, tags), values in groups:
        recent = hour >= since_hour
        for wanted in _dimensions(key, end_user, tags):
            _count(days, (wanted, hour // 24), values)
            if recent and wanted[0] in HOURLY:
                _count(hours, (wanted, hour), values)
    _add_parts(days, frozenset(KINDS))
    _add_parts(hours, HOURLY)
    return days, hours


def _dimensions(key: Key, end_user: str, tags: tuple[str, ...]) -> list[Key]:
    found = [(*key, "")]
    found += [("tag", *key[1:], tag) for tag in dict.fromkeys(tags)]
    if end_user:
        found.append(("customer", *key[1:], end_user))
    return found


def _add_parts(sums: Sums, kinds: frozenset[str]) -> None:
    """Sums of the coarser kinds, from those that are there: they are fewer than the groups."""
    for (key, bucket), values in list(sums.items()):
        for part in PARTS[key[0]]:
            if part in kinds:
                kept = _KEPT[part]
                wanted = (part, *[value if keep else "" for value, keep in zip(key[1:], kept, strict=True)])
                _count(sums, (wanted, bucket), values)


def _count(sums: Sums, key: tuple[Key, int], values: list[int]) -> None:
    kept = sums.get(key)
    sums[key] = values if kept is None else list(map(add_integers, kept, values))


def _grouped(closed: Sequence[Closed]) -> dict[Group, list[int]]:
    groups: dict[Group, list[int]] = {}
    hour_ns = HOUR_US * 1000
    for record in closed:
        key = (
            "full",
            record.key_id,
            record.user_id or "",
            record.team_id or "",
            record.org_id or "",
            record.project_id or "",
            record.upstream_model or record.model,
            record.group or record.model,
            record.provider,
            record.call_type,
        )
        group = (record.at_ns // hour_ns, key, record.end_user or "", record.tags)
        sums = groups.get(group)
        if sums is None:
            sums = groups[group] = [0] * _WIDTH
        _count_record(sums, record)
    return groups


def _count_record(sums: list[int], record: Closed) -> None:
    usage = record.usage if record.usage.media is None else record.usage.flat()
    sums[0] += 1
    sums[1 if record.status == "success" else 2] += 1
    sums[3] += record.cost.total
    if usage.input is None and usage.output is None:
        sums[13] += 1
    sums[4] += usage.input or 0
    sums[8] += usage.output or 0
    if not usage.plain():
        sums[5] += usage.cache_read or 0
        sums[6] += usage.cache_write_5m or 0
        sums[7] += usage.cache_write_1h or 0
        sums[9] += usage.reasoning or 0
        sums[10] += usage.audio_input or 0
        sums[11] += usage.audio_output or 0
        sums[12] += usage.images or 0
    if record.cache_hit:
        sums[14] += 1
    sums[15] += record.duration_us
    if record.ttft_us is not None:
        sums[16] += record.ttft_us
        sums[17] += 1


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


def _identified(connection: sa.Connection, keys: set[Key]) -> dict[Key, int]:
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
def _upsert(table: str, paramstyle: str) -> str:
    bucket = "day" if table == DAILY_SPEND.name else "hour"
    names = ("dimension", bucket, *METRICS)
    marks = ", ".join([_mark(paramstyle)] * len(names))
    sums = ", ".join([f"{name} = {table}.{name} + excluded.{name}" for name in METRICS])
    return (
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks}) "  # noqa: S608 only names of our own
        f"ON CONFLICT (dimension, {bucket}) DO UPDATE SET {sums}"
    )


def _mark(paramstyle: str) -> str:
    return "?" if paramstyle == "qmark" else "%s"
