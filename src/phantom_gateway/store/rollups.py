"""The one way in which dashboards ask what was spent: sums of a range of days, grouped by any dimensions.

Every figure of every dashboard is an answer of ``sums``, so they agree with each other, and with the request log
(``rollup_check``). A question is answered from the smallest kind of dimension that knows all columns it needs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import sqlalchemy as sa

from phantom_gateway.store.rollup_tables import DAILY_SPEND, HOURLY, HOURLY_SPEND, KINDS, METRICS, SPEND_DIMENSIONS

PLAIN = ("model", "key", "owner", "full")
TAGS = ("tags", "tag_keys", "tag_model", "tag")
CUSTOMERS = ("customer_model", "customer_keys", "customers", "customer")
"""Kinds of a family, the smallest first."""
MAX_VALUES = 500
"""Values of one filter."""


class Metrics(NamedTuple):
    """Sums of some requests; money in nano-dollars, times in microseconds, tokens in disjoint classes."""

    requests: int = 0
    successes: int = 0
    failures: int = 0
    cost_nano: int = 0
    input: int = 0
    cache_read: int = 0
    cache_write_5m: int = 0
    cache_write_1h: int = 0
    output: int = 0
    reasoning: int = 0
    audio_input: int = 0
    audio_output: int = 0
    images: int = 0
    uncounted: int = 0
    cache_hits: int = 0
    duration_us: int = 0
    ttft_us: int = 0
    timed: int = 0

    @property
    def prompt_tokens(self) -> int:
        """Input side in the sense of OpenAI: cached and audio tokens included."""
        return self.input + self.cache_read + self.cache_write + self.audio_input

    @property
    def completion_tokens(self) -> int:
        """Output side in the sense of OpenAI: reasoning and audio tokens included."""
        return self.output + self.reasoning + self.audio_output

    @property
    def total_tokens(self) -> int:
        """Both sides."""
        return self.prompt_tokens + self.completion_tokens

    @property
    def cache_write(self) -> int:
        """Tokens written to the provider's cache, both lifetimes."""
        return self.cache_write_5m + self.cache_write_1h


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which requests. ``family``: ``PLAIN``, or ``TAGS`` or ``CUSTOMERS``, whose ``name`` is the tag or end user."""

    first: int
    """First day, in days since the epoch."""
    last: int
    """Last day, included."""
    offset_hours: int = 0
    """What is added to UTC to get the time whose days are meant; other than 0 asks the sums by hour."""
    family: tuple[str, ...] = PLAIN
    only: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column to the values wanted."""
    without: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column to the values not wanted."""
    reach: sa.ColumnElement[bool] | None = None
    """What the caller may see, on ``owners``; ``None`` = everything."""

    @property
    def by_hour(self) -> bool:
        """Whether the sums by hour are asked."""
        return self.offset_hours != 0


class Sum(NamedTuple):
    """One group."""

    group: tuple[str, ...]
    metrics: Metrics
    day: int = 0
    """Days since the epoch, where asked for."""


def owners() -> dict[str, sa.ColumnElement[Any]]:
    """The columns that say whom requests belong to, as ``Reach.where`` takes them."""
    column = SPEND_DIMENSIONS.c
    return {"user": column.user_id, "team": column.team_id, "org": column.org_id, "key": column.key_id}


def sums(
    connection: sa.Connection, question: Question, by: Sequence[str] = (), *, days: bool = False, limit: int = 0
) -> list[Sum]:
    """Sums grouped by the columns ``by``, and by day with ``days`` (oldest first); else the dearest first, at most ``limit``."""
    width = len(by)
    found = connection.execute(_summed(question, by, METRICS, days=days, limit=limit))
    if not days:
        return [
            Sum(tuple(row[:width]), Metrics._make(map(int, row[width:])))
            for row in found
            if row[-1] is not None  # the sum of nothing at all
        ]
    return [Sum(tuple(row[:width]), Metrics._make(map(int, row[width + 1 :])), int(row[width])) for row in found]


def costs(
    connection: sa.Connection, question: Question, by: Sequence[str], *, days: bool = False, limit: int = 0
) -> list[Sum]:
    """The same where only ``cost_nano`` is of interest; the other sums are 0."""
    width = len(by)
    found = connection.execute(_summed(question, by, ("cost_nano",), days=days, limit=limit))
    return [Sum(tuple(row[:width]), Metrics(cost_nano=int(row[-1])), int(row[width]) if days else 0) for row in found]


def top(connection: sa.Connection, question: Question, column: str, limit: int) -> list[str]:
    """The dearest values of a column, "" left out. By UTC days even where others are asked for: it only decides what is shown."""
    if question.by_hour:
        question = replace(question, first=question.first - 1, last=question.last + 1, offset_hours=0)
    found = costs(connection, question, (column,), limit=limit + 1)
    return [each.group[0] for each in found if each.group[0]][:limit]


def total(connection: sa.Connection, question: Question) -> Metrics:
    """One sum of everything the question means."""
    found = sums(connection, question)
    return found[0].metrics if found else Metrics()


def distinct(connection: sa.Connection, question: Question, column: str) -> int:
    """How many values a column has, "" not counted."""
    return sum(bool(group[0]) for group in groups(connection, question, (column,)))


def groups(connection: sa.Connection, question: Question, by: Sequence[str]) -> list[tuple[str, ...]]:
    """The combinations of values that there are, without their sums; by UTC days."""
    dimension, day = SPEND_DIMENSIONS.c, DAILY_SPEND.c.day
    there = sa.select(sa.literal(1)).where(
        DAILY_SPEND.c.dimension == dimension.id, day.between(question.first, question.last)
    )
    utc = replace(question, offset_hours=0)
    columns = [dimension[name] for name in by]
    query = sa.select(*columns).where(*_dimensions(utc, by), there.exists()).group_by(*columns)
    return [tuple(row) for row in connection.execute(query)]


def days_of(connection: sa.Connection, question: Question) -> list[int]:
    """The days on which there is anything, oldest first."""
    query, day = _grouped(question, (), days=True)
    return [int(each) for each in connection.execute(query.order_by(day)).scalars()]


def names(connection: sa.Connection, kind: str, limit: int) -> list[str]:
    """The names that dimensions of a kind (``tags``, ``customers``) have ever had, in order."""
    column = SPEND_DIMENSIONS.c.name
    query = sa.select(column).where(SPEND_DIMENSIONS.c.kind == kind).order_by(column).limit(limit)
    return list(connection.execute(query).scalars())


def _buckets(question: Question) -> sa.Table:
    return HOURLY_SPEND if question.by_hour else DAILY_SPEND


def _grouped(question: Question, by: Sequence[str], *, days: bool) -> tuple[sa.Select[Any], sa.ColumnElement[Any]]:
    table = _buckets(question)
    dimension = SPEND_DIMENSIONS.c
    bucket = table.c.hour if question.by_hour else table.c.day
    first, last = question.first, question.last
    day: sa.ColumnElement[Any] = bucket
    if question.by_hour:
        first, last = first * 24 - question.offset_hours, last * 24 + 23 - question.offset_hours
        day = (bucket + question.offset_hours) // 24
    day = day.label("day")
    columns: list[sa.ColumnElement[Any]] = [dimension[name] for name in by]
    query = sa.select(*columns, *([day] if days else []))
    query = query.select_from(sa.join(SPEND_DIMENSIONS, table, table.c.dimension == dimension.id))
    query = query.where(*_dimensions(question, by), bucket.between(first, last))
    by_all = [*columns, *([day] if days else [])]
    return (query.group_by(*by_all) if by_all else query), day


def _summed(question: Question, by: Sequence[str], metrics: Sequence[str], *, days: bool, limit: int) -> sa.Select[Any]:
    query, day = _grouped(question, by, days=days)
    table = _buckets(question)
    query = query.add_columns(*[sa.func.sum(table.c[name]).label(name) for name in metrics])
    query = query.order_by(day, *by) if days else query.order_by(sa.desc("cost_nano"), *by)
    return query.limit(limit) if limit else query


def _dimensions(question: Question, by: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    dimension = SPEND_DIMENSIONS.c
    found: list[sa.ColumnElement[bool]] = [dimension.kind == _kind(question, by)]
    found += [dimension[name].in_(list(values)) for name, values in question.only.items()]
    found += [dimension[name].not_in(list(values)) for name, values in question.without.items()]
    return found if question.reach is None else [*found, question.reach]


def _kind(question: Question, by: Sequence[str]) -> str:
    needed = {*by, *question.only, *question.without}
    kinds = [kind for kind in question.family if not question.by_hour or kind in HOURLY]
    if question.reach is not None:
        return kinds[-1]
    return next(kind for kind in kinds if needed <= set(KINDS[kind]))
