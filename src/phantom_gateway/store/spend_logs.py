"""The spend log: writing closed records as rows, and reading them back."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.ledger.record import Closed
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

Row = sa.RowMapping


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


@dataclass(frozen=True, slots=True)
class DaySum:
    """What one user spent on one model on one day."""

    day: int
    """Days since the epoch, UTC."""
    user_id: str | None
    model: str
    cost_nano: int


def row_of(incarnation: str, record: Closed) -> dict[str, Any]:
    """The row of a closed record."""
    usage = record.usage
    return {
        "incarnation": incarnation,
        "number": record.n,
        "request_id": record.id,
        "started_at": record.at_ns // 1000,
        "duration_us": record.duration_us,
        "ttft_us": record.ttft_us,
        "key_id": record.key_id,
        "key_alias": record.key_alias,
        "user_id": record.user_id,
        "team_id": record.team_id,
        "org_id": record.org_id,
        "project_id": record.project_id,
        "end_user": record.end_user,
        "tags": json.dumps(record.tags) if record.tags else "[]",
        "model": record.model,
        "model_group": record.group,
        "deployment_id": record.deployment_id,
        "provider": record.provider,
        "upstream_model": record.upstream_model,
        "call_type": record.call_type,
        "stream": record.stream,
        "status": record.status,
        "http_status": record.http_status,
        "error_type": record.error_type,
        "input": usage.input,
        "cache_read": usage.cache_read,
        "cache_write_5m": usage.cache_write_5m,
        "cache_write_1h": usage.cache_write_1h,
        "output": usage.output,
        "reasoning": usage.reasoning,
        "audio_input": usage.audio_input,
        "audio_output": usage.audio_output,
        "images": usage.images,
        "usage_source": usage.source,
        "usage_flags": ",".join(usage.flags),
        "cost_nano": record.cost.total,
        "cost_parts": json.dumps(record.cost[1:]),
        "price_version": record.price_version,
        "attempts": record.attempts,
        "fallbacks": record.fallbacks,
        "client_left": record.client_left,
        "cache_hit": record.cache_hit,
        "session_id": record.session_id,
        "trace_id": record.trace_id,
    }


def insert(connection: sa.Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Add rows. Raises IntegrityError when one of them is there already."""
    if rows:
        connection.execute(sa.insert(REQUESTS), rows)


def page(connection: sa.Connection, wanted: LogFilter, before: tuple[int, int] | None, limit: int) -> Sequence[Row]:
    """The newest rows, or those older than ``before``: (started_at, row_id) of the last row of the page before."""
    query = sa.select(REQUESTS).where(*_conditions(wanted))
    if before is not None:
        query = query.where(sa.tuple_(REQUESTS.c.started_at, REQUESTS.c.row_id) < sa.tuple_(*map(sa.literal, before)))
    query = query.order_by(REQUESTS.c.started_at.desc(), REQUESTS.c.row_id.desc()).limit(limit)
    return connection.execute(query).mappings().all()


def by_day(connection: sa.Connection, wanted: LogFilter) -> list[DaySum]:
    """Sums per day, user and model, oldest day first."""
    day = (REQUESTS.c.started_at // DAY_US).label("day")
    group = (day, REQUESTS.c.user_id, REQUESTS.c.model)
    query = (
        sa.select(*group, sa.func.sum(REQUESTS.c.cost_nano)).where(*_conditions(wanted)).group_by(*group).order_by(day)
    )
    return [DaySum(*row) for row in connection.execute(query)]


def usage_of(row: Row) -> dict[str, int | None]:
    """The disjoint token classes of a row."""
    return {name: row[name] for name in _USAGE}


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
