"""The spend log: writing closed records as rows, and reading them back."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from phantom_gateway.ledger.record import Closed
from phantom_gateway.ledger.trail import Step
from phantom_gateway.store.tables import REQUESTS

DAY_US = 86_400_000_000
_USAGE = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
    "images",
)

_COMPUTED = ("incarnation", "started_at", "tags", "usage_flags", "cost_parts", "trail", "cache_key", "saved_nano")
_COPIED = {
    "number": "n",
    "request_id": "id",
    "model_group": "group",
    "usage_source": "usage.source",
    "cost_nano": "cost.total",
    **{name: f"usage.{name}" for name in _USAGE},
    **{
        name: name
        for name in (
            "duration_us", "ttft_us", "key_id", "key_alias", "user_id", "team_id", "org_id", "project_id", "end_user", "model",
            "deployment_id", "provider", "upstream_model", "call_type", "stream", "status", "http_status", "error_type",
            "price_version", "attempts", "fallbacks", "client_left", "cache_hit", "session_id", "trace_id",
        )
    },
}  # fmt: skip
"""Columns that are a field of the record, and where it is."""
COLUMNS = (*_COMPUTED, *_COPIED)
"""Those that ``row_of`` gives, in its order."""
_fields: Callable[[Closed], tuple[Any, ...]] = attrgetter(*_COPIED.values())

Row = sa.RowMapping
Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which rows; ``None`` does not filter. Times in Unix microseconds, the end exclusive."""

    request_id: str | None = None
    key_id: str | None = None
    user_id: str | None = None
    since: int | None = None
    until: int | None = None
    reach: tuple[sa.ColumnElement[bool], ...] = ()
    """What the caller may see at all."""


def row_of(incarnation: str, record: Closed) -> Values:
    """The row of a closed record, in the order of ``COLUMNS``."""
    usage = record.usage
    if usage.media is not None:
        record = msgspec.structs.replace(record, usage=usage.flat())
    return (
        incarnation,
        record.at_ns // 1000,
        _tags(record.tags) if record.tags else "[]",
        ",".join(usage.flags) if usage.flags else "",
        str([*record.cost[1:]]),
        json.dumps(record.trail, separators=(",", ":")) if record.trail else None,
        record.cache_key or None,
        record.saved or None,
        *_fields(record),
    )


@lru_cache(maxsize=4096)
def _tags(tags: tuple[str, ...]) -> str:
    return json.dumps(tags)


def insert(connection: sa.Connection, rows: Sequence[Values]) -> None:
    """Add rows. Raises IntegrityError when one of them is there already.

    As text, past SQLAlchemy's parameters: they would cost more than the database's own work, and every value is already of
    a type that the drivers take.
    """
    if rows:
        connection.exec_driver_sql(_insertion(connection.dialect.paramstyle), list(rows))


@cache
def _insertion(paramstyle: str) -> str:
    mark = "?" if paramstyle == "qmark" else "%s"
    names = ", ".join([f'"{name}"' for name in COLUMNS])
    return f"INSERT INTO {REQUESTS.name} ({names}) VALUES ({', '.join([mark] * len(COLUMNS))})"  # noqa: S608 only names of our own


def page(connection: sa.Connection, wanted: LogFilter, before: tuple[int, int] | None, limit: int) -> Sequence[Row]:
    """The newest rows, or those older than ``before``: (started_at, row_id) of the last row of the page before."""
    query = sa.select(REQUESTS).where(*_conditions(wanted))
    if before is not None:
        query = query.where(sa.tuple_(REQUESTS.c.started_at, REQUESTS.c.row_id) < sa.tuple_(*map(sa.literal, before)))
    query = query.order_by(REQUESTS.c.started_at.desc(), REQUESTS.c.row_id.desc()).limit(limit)
    return connection.execute(query).mappings().all()


def usage_of(row: Row) -> dict[str, int | None]:
    """The disjoint token classes of a row."""
    return {name: row[name] for name in _USAGE}


def trail_of(row: Row) -> list[Step]:
    """How the request found its deployment (``ledger.trail``); empty when there was nothing to tell."""
    return [Step(*step) for step in json.loads(row["trail"] or "[]")]


def _conditions(wanted: LogFilter) -> list[sa.ColumnElement[bool]]:
    exact = {"request_id": wanted.request_id, "key_id": wanted.key_id, "user_id": wanted.user_id}
    found: list[sa.ColumnElement[bool]] = [
        REQUESTS.c[name] == value for name, value in exact.items() if value is not None
    ]
    if wanted.since is not None:
        found.append(REQUESTS.c.started_at >= wanted.since)
    if wanted.until is not None:
        found.append(REQUESTS.c.started_at < wanted.until)
    return found + list(wanted.reach)
