"""What sums are kept of: its keys, their ids in the database, and how the request log is grouped by them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from operator import itemgetter
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store.rollup_tables import FULL, HOUR_US, KINDS, PARTS, SPEND_DIMENSIONS
from phantom_gateway.store.tables import REQUESTS

CORRECTION = "correction"
"""The call type of rows that correct the ledger: their amount counts, they are no requests."""

Key = tuple[str, ...]
"""(kind, the columns of FULL, name)"""

_CHUNK = 400


def _kept(kind: str) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """What a kind keeps of (kind, the columns of FULL, name, ""), without the kind: "" for the columns that say nothing of it."""
    columns = (*FULL, "name")
    return itemgetter(*[n if name in KINDS[kind] else len(columns) + 1 for n, name in enumerate(columns, 1)])


PARTS_KEPT = {kind: [(part, _kept(part)) for part in parts] for kind, parts in PARTS.items()}
"""By kind, the kinds that are sums of it, each with what it keeps."""


def group_columns() -> list[sa.ColumnElement[Any]]:
    """The hour and the columns of FULL, of the request log."""
    table = REQUESTS.c
    model = sa.case((table.upstream_model != "", table.upstream_model), else_=table.model)
    group = sa.case((table.model_group != "", table.model_group), else_=table.model)
    owners = [sa.func.coalesce(table[name], "") for name in ("user_id", "team_id", "org_id", "project_id")]
    return [table.started_at // HOUR_US, table.key_id, *owners, model, group, table.provider, table.call_type]


def within(query: sa.Select[Any], since: int | None, until: int | None) -> sa.Select[Any]:
    """Only requests from ``since`` to before ``until``, Unix microseconds."""
    if since is not None:
        query = query.where(REQUESTS.c.started_at >= since)
    return query if until is None else query.where(REQUESTS.c.started_at < until)


def digest_of(key: Key) -> str:
    """The name of a dimension: 128 bits, since callers choose some of what is in it."""
    return hashlib.blake2b(repr(key).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def identified(connection: sa.Connection, keys: Sequence[Key]) -> dict[Key, int]:
    """The ids of dimensions; those that there are not yet are made."""
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


def _mark(paramstyle: str) -> str:
    return "?" if paramstyle == "qmark" else "%s"


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
