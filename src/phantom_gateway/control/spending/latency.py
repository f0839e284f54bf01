"""How fast models answer: ``/model/metrics`` and its like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.answers.base import Answer
from phantom_gateway.control.spending.periods import DAY, date
from phantom_gateway.store import rollups
from phantom_gateway.store.rollups import Metrics, Question
from phantom_gateway.store.tables import REQUESTS

JsonObject = dict[str, Any]
SLOW_SECONDS = 300.0
"""LiteLLM's ``alerting_threshold`` where none is set."""
MOST_ROWS = 100_000
"""Of the log that a count of slow answers looks at, the newest first."""
_US = 1_000_000


class ByDay(Answer):
    """Seconds by model, a row for each day: ``{"date": ..., "<model>": ...}``."""

    data: list[dict[str, str | float]]
    all_api_bases: list[str]
    """LiteLLM's name for the names of the columns, which here are models."""


class SlowModel(Answer):
    """How many answers of a model took how long."""

    api_base: str
    """LiteLLM's name; here the model."""
    total_count: int
    slow_count: int


def per_token(connection: sa.Connection, question: Question) -> JsonObject:
    """Seconds per output token."""
    return _by_day(connection, question, lambda found: (found.duration_us, found.completion_tokens))


def first_byte(connection: sa.Connection, question: Question) -> JsonObject:
    """Seconds to the first byte of a stream."""
    return _by_day(connection, question, lambda found: (found.ttft_us, found.timed))


def slow(
    connection: sa.Connection, question: Question, threshold_s: float, only: sa.ColumnElement[bool]
) -> list[JsonObject]:
    """How many of the newest answers within the days took at least ``threshold_s``, by model; ``only`` is on ``requests``."""
    started = REQUESTS.c.started_at
    within = sa.and_(started >= question.first * DAY * _US, started < (question.last + 1) * DAY * _US)
    newest = sa.select(REQUESTS.c.model_group, REQUESTS.c.duration_us).where(within, only)
    rows = newest.order_by(started.desc()).limit(MOST_ROWS).subquery()
    is_slow = sa.case((rows.c.duration_us >= int(threshold_s * _US), 1), else_=0)
    counts = sa.select(rows.c.model_group, sa.func.count(), sa.func.sum(is_slow)).group_by(rows.c.model_group)
    found = [
        {"api_base": model, "total_count": int(total), "slow_count": int(late)}
        for model, total, late in connection.execute(counts)
    ]
    return sorted(found, key=lambda row: (-row["slow_count"], row["api_base"]))


def _by_day(connection: sa.Connection, question: Question, parts: Callable[[Metrics], tuple[int, int]]) -> JsonObject:
    days: dict[int, JsonObject] = {}
    names: dict[str, None] = {}
    for each in rollups.sums(connection, question, ("model_group",), days=True):
        micros, count = parts(each.metrics)
        if count:
            names[each.group[0]] = None
            days.setdefault(each.day, {"date": date(each.day)})[each.group[0]] = micros / _US / count
    return {"data": list(days.values()), "all_api_bases": list(names)}
