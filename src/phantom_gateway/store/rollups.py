"""The one way in which dashboards ask what was spent: sums of a range of days, grouped by any dimensions.

Every figure of every dashboard is an answer of ``sums``, so they agree with each other, and with the request log
(``rollup_check``). A question is answered from the smallest kind of dimension that knows all columns it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from operator import sub as subtract
from typing import Any, NamedTuple

import sqlalchemy as sa

from phantom_gateway.store import spread
from phantom_gateway.store.rollup_tables import (
    DAILY_SPEND,
    HOURLY,
    HOURLY_SPEND,
    KINDS,
    LATENCY_SPREAD,
    METRICS,
    SPEND_DIMENSIONS,
)
from phantom_gateway.store.spread import Spread

PLAIN = ("model", "key", "owner", "full")
TAGS = ("tags", "tag_keys", "tag_model", "tag")
CUSTOMERS = ("customer_model", "customer_keys", "customers", "customer")
"""Kinds of a family, the smallest first."""
_JOINED = DAILY_SPEND.c.dimension == SPEND_DIMENSIONS.c.id
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
    saved_nano: int = 0
    cost_input: int = 0
    cost_cache_read: int = 0
    cost_cache_write: int = 0

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


_metrics = tuple.__new__
"""Makes ``Metrics`` without the Python call of its own constructor."""


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


TOKENS = (
    "input",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "output",
    "reasoning",
    "audio_input",
    "audio_output",
)
ORDERS: dict[str, tuple[str, ...]] = {"spend": ("cost_nano",), "requests": ("requests",), "tokens": TOKENS}
"""What groups can be put in order by: the sum of these, the greatest first."""


def ordered(connection: sa.Connection, question: Question, by: str, order: str, window: tuple[int, int]) -> list[Sum]:
    """Values of the column ``by`` in one of ``ORDERS``; ``window``: (offset, limit)."""
    columns = ORDERS[order]
    inner = _summed(question, (by,), columns, days=False, order=False).subquery()
    value = sum((inner.c[name] for name in columns[1:]), inner.c[columns[0]])
    query = sa.select(inner.c[by]).order_by(value.desc(), inner.c[by]).offset(window[0]).limit(window[1])
    values = list(connection.execute(query).scalars())
    # All other sums of these few alone.
    wanted = replace(question, only={**question.only, by: values})
    found = {each.group[0]: each for each in sums(connection, wanted, (by,))} if values else {}
    return [found[each] for each in values if each in found]


def sums(
    connection: sa.Connection, question: Question, by: Sequence[str] = (), *, days: bool = False, limit: int = 0
) -> list[Sum]:
    """Sums grouped by the columns ``by``, and by day with ``days`` (oldest first); else the dearest first, at most ``limit``."""
    rest = _complement(question, by)
    if rest is None:
        return _read(connection, _summed(question, by, METRICS, days=days, limit=limit), len(by), days=days)
    everybody, nobody = (_read(connection, _summed(each, by, METRICS, days=days), len(by), days=days) for each in rest)
    found = _less(everybody, nobody)
    if not days:
        found.sort(key=lambda each: (-each.metrics.cost_nano, each.group))
    return found[:limit] if limit else found


def _read(connection: sa.Connection, query: sa.Select[Any], width: int, *, days: bool) -> list[Sum]:
    rows = [tuple(row) for row in connection.execute(query).all()]
    if connection.dialect.name == "postgresql":  # where sums of integers are decimals
        rows = [(*row[:width], *map(int, row[width:])) for row in rows if row[-1] is not None]
    if not days:
        return [Sum(row[:width], _metrics(Metrics, row[width:])) for row in rows if row[-1] is not None]  # of nothing
    return [Sum(row[:width], _metrics(Metrics, row[width + 1 :]), row[width]) for row in rows]


def _complement(question: Question, by: Sequence[str]) -> tuple[Question, Question] | None:
    """What is left when those without a user (team, ...) are left out, as the difference of two: everybody, and those.

    Sums of everybody are few rows, and often there is nobody else. ``None`` when it saves nothing.
    """
    ((column, values),) = question.without.items() if len(question.without) == 1 else ((None, ()),)
    if column is None or tuple(values) != ("",) or question.reach is not None or column in (*by, *question.only):
        return None
    everybody = replace(question, without={})
    if _kind(everybody, by) == _kind(question, by):
        return None
    return everybody, replace(everybody, only={**question.only, column: ("",)})


def _less(everybody: Iterable[Sum], nobody: Iterable[Sum]) -> list[Sum]:
    out = {(each.group, each.day): each.metrics for each in nobody}
    found = []
    for each in everybody:
        taken = out.get((each.group, each.day))
        metrics = each.metrics if taken is None else Metrics._make(map(subtract, each.metrics, taken))
        if any(metrics):
            found.append(Sum(each.group, metrics, each.day))
    return found


def costs(
    connection: sa.Connection, question: Question, by: Sequence[str], *, days: bool = False, limit: int = 0
) -> list[Sum]:
    """The same where only ``cost_nano`` is of interest; the other sums are 0."""
    rest = _complement(question, by)
    if rest is not None:
        return sums(connection, question, by, days=days, limit=limit)
    width = len(by)
    found = connection.execute(_summed(question, by, ("cost_nano",), days=days, limit=limit))
    return [Sum(tuple(row[:width]), Metrics(cost_nano=int(row[-1])), int(row[width]) if days else 0) for row in found]


def counts(connection: sa.Connection, question: Question, by: Sequence[str], limit: int) -> list[Sum]:
    """Groups where only how many requests there were, and how many failed, is of interest; the most first."""
    inner = _summed(question, by, ("requests", "failures"), days=False, order=False).subquery()
    query = sa.select(inner).order_by(inner.c.requests.desc(), *[inner.c[name] for name in by]).limit(limit)
    width = len(by)
    rows = [tuple(row) for row in connection.execute(query) if row[-1] is not None]
    return [Sum(row[:width], Metrics(requests=int(row[width]), failures=int(row[width + 1]))) for row in rows]


Facets = dict[str, list[tuple[str, int]]]
"""By column its values, each with how many requests."""


def facets(
    connection: sa.Connection, only_of: Callable[[str], Question], columns: Sequence[str], status: str, limit: int
) -> Facets:
    """The values of each column that most requests have; ``only_of``: whose requests are counted for a column.

    ``status``: only what succeeded (``success``) or did not (``failure``). Columns that are asked of the same sums share one look
    at them.
    """
    shared: dict[tuple[str, str], list[str]] = {}
    for column in columns:
        question = only_of(column)
        shared.setdefault((_kind(question, (column,)), repr(sorted(question.only.items()))), []).append(column)
    found: Facets = {column: [] for column in columns}
    for together in shared.values():
        query = _leading(only_of(together[0]), together, status, limit)
        for n, value, count in connection.execute(query):
            found[together[n]].append((value, int(count)))
    return found


def _leading(question: Question, columns: Sequence[str], status: str, limit: int) -> sa.CompoundSelect[Any]:
    metrics = {"success": ("successes",), "failure": ("failures",)}.get(status, ("requests",))
    part = _summed(question, columns, metrics, days=False, order=False).cte("part")
    queries = []
    for n, column in enumerate(columns):
        value, count = part.c[column].label("value"), sa.func.sum(part.c[metrics[0]]).label("count")
        ordered = sa.select(sa.literal_column(str(n)).label("n"), value, count).group_by(value).having(count > 0)
        queries.append(sa.select(ordered.order_by(count.desc(), value).limit(limit).subquery()))
    return sa.union_all(*queries)


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


def spreads(
    connection: sa.Connection, question: Question, by: Sequence[str] = ()
) -> dict[tuple[str, ...], Spread] | None:
    """How long answers took, by UTC days, grouped by the columns ``by``; ``None`` where that is not kept."""
    needed = {*by, *question.only, *question.without}
    kinds = spread.KINDS if question.reach is None else ("owner",)
    kind = next((each for each in kinds if needed <= set(KINDS[each])), None)
    if kind is None or question.family != PLAIN:
        return None
    dimension, counted = SPEND_DIMENSIONS.c, LATENCY_SPREAD.c
    chosen = _chosen(question, kind)
    columns = [*(dimension[name] for name in by), counted.bin]
    query = sa.select(*columns, sa.func.sum(counted.answers), sa.func.sum(counted.firsts))
    query = query.select_from(sa.join(SPEND_DIMENSIONS, LATENCY_SPREAD, counted.dimension == dimension.id))
    query = query.where(*chosen, counted.day.between(question.first, question.last)).group_by(*columns)
    found: dict[tuple[str, ...], list[tuple[int, int, int]]] = {}
    width = len(by)
    for row in connection.execute(query):
        found.setdefault(tuple(row[:width]), []).append((row[width], row[width + 1], row[width + 2]))
    return {group: spread.merged(rows) for group, rows in found.items()}


def distinct(connection: sa.Connection, question: Question, column: str) -> int:
    """How many values a column has, "" not counted."""
    return sum(bool(group[0]) for group in groups(connection, question, (column,)))


def groups(connection: sa.Connection, question: Question, by: Sequence[str]) -> list[tuple[str, ...]]:
    """The combinations of values that there are, without their sums; by UTC days."""
    dimension = SPEND_DIMENSIONS.c
    wanted = _dimensions(replace(question, offset_hours=0), by)
    every = sa.select(*[dimension[name] for name in by]).where(*wanted).distinct().subquery()
    # For each combination until the first day is found: of most of them there are many dimensions.
    there = sa.select(sa.literal(1)).select_from(sa.join(SPEND_DIMENSIONS, DAILY_SPEND, _JOINED))
    there = there.where(*wanted, *[dimension[name] == every.c[name] for name in by])
    there = there.where(DAILY_SPEND.c.day.between(question.first, question.last))
    return [tuple(row) for row in connection.execute(sa.select(every).where(there.exists()))]


def days_of(connection: sa.Connection, question: Question) -> list[int]:
    """The days on which there is anything, oldest first."""
    table = _buckets(question)
    day, between = _days(question)
    chosen = sa.select(SPEND_DIMENSIONS.c.id).where(*_dimensions(question, ()))
    query = sa.select(day.label("day")).where(table.c.dimension.in_(chosen), between).distinct()
    return sorted(int(each) for each in connection.execute(query).scalars())


def names(connection: sa.Connection, kind: str, limit: int) -> list[str]:
    """The names that dimensions of a kind (``tags``, ``customers``) have ever had, in order."""
    column = SPEND_DIMENSIONS.c.name
    query = sa.select(column).where(SPEND_DIMENSIONS.c.kind == kind).order_by(column).limit(limit)
    return list(connection.execute(query).scalars())


def _buckets(question: Question) -> sa.Table:
    return HOURLY_SPEND if question.by_hour else DAILY_SPEND


def _days(question: Question) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[bool]]:
    """The day of a sum, and which are meant."""
    if not question.by_hour:
        return DAILY_SPEND.c.day, DAILY_SPEND.c.day.between(question.first, question.last)
    hour, offset = HOURLY_SPEND.c.hour, question.offset_hours
    return (hour + offset) // 24, hour.between(question.first * 24 - offset, question.last * 24 + 23 - offset)


def _summed(
    question: Question,
    by: Sequence[str],
    metrics: Sequence[str],
    *,
    days: bool,
    limit: int = 0,
    order: bool = True,
) -> sa.Select[Any]:
    table, dimension = _buckets(question), SPEND_DIMENSIONS.c
    day, between = _days(question)
    chosen = sa.select(dimension.id).where(*_dimensions(question, by))
    if not by and not days:
        return sa.select(*_sums_of(table, tuple(metrics))).where(table.c.dimension.in_(chosen), between)
    columns: list[sa.ColumnElement[Any]] = [dimension[name] for name in by]
    if days and not question.by_hour:
        groups = [*columns, day.label("day")]
        query = sa.select(*groups, *_sums_of(table, tuple(metrics)))
        query = query.select_from(sa.join(SPEND_DIMENSIONS, table, table.c.dimension == dimension.id))
        query = query.where(*_dimensions(question, by), between)
    else:
        # First by dimension, in whose order sums are kept: so fewer rows meet the texts by which they are grouped.
        inner = [table.c.dimension, *([day.label("day")] if days else [])]
        parts = sa.select(*inner, *_sums_of(table, tuple(metrics))).where(table.c.dimension.in_(chosen), between)
        part = parts.group_by(*inner).subquery()
        groups = [*columns, *([part.c.day] if days else [])]
        query = sa.select(*groups, *_sums(part.c, metrics))
        query = query.select_from(part.join(SPEND_DIMENSIONS, dimension.id == part.c.dimension) if by else part)
    query = query.group_by(*groups)
    if not order:
        return query
    query = query.order_by(groups[-1], *columns) if days else query.order_by(sa.desc("cost_nano"), *columns)
    return query.limit(limit) if limit else query


@lru_cache
def _sums_of(table: sa.Table, metrics: tuple[str, ...]) -> tuple[sa.ColumnElement[Any], ...]:
    # Kept: to write twenty sums down takes longer than to add up some thousand rows.
    return tuple(_sums(table.c, metrics))


def _sums(columns: Any, metrics: Sequence[str]) -> list[sa.ColumnElement[Any]]:
    return [sa.func.sum(columns[name]).label(name) for name in metrics]


def _dimensions(question: Question, by: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    return _chosen(question, _kind(question, by))


def _chosen(question: Question, kind: str) -> list[sa.ColumnElement[bool]]:
    dimension = SPEND_DIMENSIONS.c
    found: list[sa.ColumnElement[bool]] = [dimension.kind == kind]
    found += [dimension[name].in_(list(values)) for name, values in question.only.items()]
    found += [dimension[name].not_in(list(values)) for name, values in question.without.items()]
    return found if question.reach is None else [*found, question.reach]


def _kind(question: Question, by: Sequence[str]) -> str:
    needed = {*by, *question.only, *question.without}
    kinds = [kind for kind in question.family if not question.by_hour or kind in HOURLY]
    if question.reach is not None:
        return kinds[-1]
    return next(kind for kind in kinds if needed <= set(KINDS[kind]))
