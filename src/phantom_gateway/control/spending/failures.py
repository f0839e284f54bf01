"""What went wrong, by model and by day. Failed requests have an index of their own, so that the rest is not read."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.answers.base import Answer
from phantom_gateway.control.spending.periods import date
from phantom_gateway.store.rollup_tables import DAY_US
from phantom_gateway.store.tables import REQUESTS

JsonObject = dict[str, Any]
RATE_LIMITED = 429


class Exceptions(Answer):
    """``{"model": ..., "<type of error>": count}`` for each model."""

    data: list[dict[str, str | int]]
    exception_types: list[str]


class RateLimitedDay(Answer):
    """One day."""

    date: str
    num_rate_limit_exceptions: int


class RateLimited(Answer):
    """Answers with status 429."""

    daily_data: list[RateLimitedDay]
    sum_num_rate_limit_exceptions: int


class RateLimitedDeployment(RateLimited):
    """The same of one deployment."""

    api_base: str
    """LiteLLM's name; here the deployment's id."""


def by_type(connection: sa.Connection, days: tuple[int, int], only: sa.ColumnElement[bool]) -> JsonObject:
    """Failures by model and type of error; ``days`` are the first and the last, ``only`` is on ``requests``."""
    model, kind = REQUESTS.c.model_group, REQUESTS.c.error_type
    query = sa.select(model, kind, sa.func.count()).where(_failed(days), only).group_by(model, kind)
    rows: dict[str, JsonObject] = {}
    kinds: dict[str, None] = {}
    for name, error, count in connection.execute(query.order_by(model, kind)):
        kinds[error] = None
        rows.setdefault(name, {"model": name})[error] = count
    return {"data": list(rows.values()), "exception_types": list(kinds)}


def rate_limited(connection: sa.Connection, days: tuple[int, int], only: sa.ColumnElement[bool]) -> JsonObject:
    """Answers with status 429 by day, and in all."""
    return _counted(_by_day(connection, days, only).get("", {}))


def rate_limited_deployments(
    connection: sa.Connection, days: tuple[int, int], only: sa.ColumnElement[bool]
) -> list[JsonObject]:
    """The same by deployment; what no deployment was chosen for is not among them."""
    found = _by_day(connection, days, sa.and_(only, REQUESTS.c.deployment_id != ""), REQUESTS.c.deployment_id)
    return [{"api_base": name, **_counted(counts)} for name, counts in found.items()]


def _by_day(
    connection: sa.Connection,
    days: tuple[int, int],
    only: sa.ColumnElement[bool],
    name: sa.ColumnElement[str] | None = None,
) -> dict[str, dict[int, int]]:
    label = (sa.literal("") if name is None else name).label("name")
    day = (REQUESTS.c.started_at // DAY_US).label("day")
    limited = REQUESTS.c.http_status == RATE_LIMITED
    query = sa.select(label, day, sa.func.count()).where(_failed(days), limited, only)
    found: dict[str, dict[int, int]] = {}
    for of, at, count in connection.execute(query.group_by(label, day).order_by(label, day)):
        found.setdefault(of, {})[int(at)] = count
    return found


def _counted(counts: dict[int, int]) -> JsonObject:
    rows = [{"date": date(day), "num_rate_limit_exceptions": count} for day, count in counts.items()]
    return {"daily_data": rows, "sum_num_rate_limit_exceptions": sum(counts.values())}


def _failed(days: tuple[int, int]) -> sa.ColumnElement[bool]:
    first, last = days
    started = REQUESTS.c.started_at
    # the words of the index, so that a database recognises it
    return sa.and_(sa.text("status <> 'success'"), started >= first * DAY_US, started < (last + 1) * DAY_US)
