"""Searching the spend log: filters, pages by cursor or by number, and counts, all bounded whatever the log's size.

What an index knows (a key, a user, a team, an organisation, an end user, a session, failures, a time) is searched through that
index. Other filters look at rows one by one, newest first, at most ``SCAN`` of them at a time; the cursor goes on behind the last
one looked at. Counts are exact where sums or a bounded look can tell them, else "at least".
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store import rollups
from phantom_gateway.store.corrections import INCARNATION
from phantom_gateway.store.rollup_tables import DAY_US
from phantom_gateway.store.rollups import Question
from phantom_gateway.store.tables import REQUESTS

Row = sa.RowMapping
Cursor = tuple[int, int]
"""(started_at, row_id) of the last row seen."""

SCAN = 15_000
"""Rows one page or count looks at."""
MAX_OFFSET = 10_000
INDEXED = frozenset({"key_id", "user_id", "team_id", "org_id", "end_user", "session_id", "request_id"})
SUMMED = frozenset({"key_id", "user_id", "team_id", "org_id", "model_group", "provider", "call_type"})
"""Filters whose counts the roll-ups know."""
SORTS = {
    "startTime": REQUESTS.c.started_at,
    "endTime": REQUESTS.c.started_at + REQUESTS.c.duration_us,
    "spend": REQUESTS.c.cost_nano,
    "request_duration_ms": REQUESTS.c.duration_us,
    "ttft_ms": REQUESTS.c.ttft_us,
    "model": REQUESTS.c.model_group,
    "total_tokens": sum(
        (sa.func.coalesce(REQUESTS.c[name], 0) for name in ("cache_read", "output", "reasoning")),
        sa.func.coalesce(REQUESTS.c.input, 0),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """Which rows. Times in Unix microseconds, the end exclusive."""

    since: int
    until: int
    equal: dict[str, str] = field(default_factory=dict)
    """Column to value."""
    others: tuple[sa.ColumnElement[bool], ...] = ()
    """Conditions no index helps with."""
    failed: bool = False
    """Failures only."""
    succeeded: bool = False
    """Everything but failures."""
    reach: sa.ColumnElement[bool] | None = None
    reach_of_sums: sa.ColumnElement[bool] | None = None
    """The same about dimensions of sums, so that they can count what is in reach."""

    @property
    def scans(self) -> bool:
        """Whether rows must be looked at one by one."""
        unknown = self.equal.keys() - INDEXED
        return bool(self.others or self.succeeded or unknown)

    @property
    def summed(self) -> bool:
        """Whether sums can count them."""
        whose = (self.reach is None) == (self.reach_of_sums is None)
        return whose and not self.others and self.equal.keys() <= SUMMED


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, and where the next page begins; ``None`` at the end."""

    rows: Sequence[Row]
    cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows; ``exact`` is false when there may be more."""

    rows: int
    exact: bool = True


def page(
    connection: sa.Connection, search: Search, before: Cursor | None, limit: int, *, ascending: bool = False
) -> Page:
    """The newest rows (the oldest with ``ascending``), or those behind the cursor."""
    looked = _looked_at(search, before, ascending=ascending, most=limit + 1)
    rows = _rows(connection, _filtered(looked, search, limit + 1, ascending=ascending), ascending=ascending)
    if len(rows) > limit:
        return Page(rows[:limit], _place(rows[limit - 1]))
    if search.scans:
        end = sa.select(looked.c.started_at, looked.c.row_id).offset(SCAN - 1).limit(1)
        last = connection.execute(end).first()
        if last is not None:
            return Page(rows, (int(last[0]), int(last[1])))
    return Page(rows, None)


def first(connection: sa.Connection, search: Search, limit: int) -> tuple[Page, Count]:
    """The newest rows, and how many there are: what must be looked at one by one is looked at once for both."""
    if search.summed or not search.scans:
        return page(connection, search, None, limit), count(connection, search)
    looked = _looked_at(search, None)
    query = _of_looked(looked, search, (looked.c.started_at, looked.c.row_id))
    places = connection.execute(query.order_by(looked.c.started_at.desc(), looked.c.row_id.desc())).all()
    end = connection.execute(sa.select(looked.c.started_at, looked.c.row_id).offset(SCAN - 1).limit(1)).first()
    cursor = None if end is None else (int(end[0]), int(end[1]))
    shown = places[:limit]
    rows = of_ids(connection, [each[1] for each in shown], int(shown[-1][0])) if shown else []
    rows.sort(key=_place, reverse=True)
    if len(places) > limit:
        cursor = _place(rows[-1])
    return Page(rows, cursor), Count(len(places), end is None)


def numbered(connection: sa.Connection, search: Search, window: tuple[int, int], *, ascending: bool = False) -> Page:
    """The page at (offset, limit)."""
    offset, limit = window
    looked = _looked_at(search, None, ascending=ascending, most=offset + limit + 1)
    query = _filtered(looked, search, limit + 1, ascending=ascending).offset(offset)
    rows = _rows(connection, query, ascending=ascending)
    return Page(rows[:limit], _place(rows[limit - 1]) if len(rows) > limit else None)


def sorted_by(
    connection: sa.Connection, search: Search, order: tuple[str, bool], window: tuple[int, int]
) -> Sequence[Row]:
    """A page in another order than that of time, among the newest ``SCAN`` rows. ``order``: (name in SORTS, ascending)."""
    name, ascending = order
    offset, limit = window
    looked = _looked_at(search, None, bounded=True)
    chosen = _filtered(looked, search, None).subquery()
    by = SORTS[name]
    query = sa.select(REQUESTS).join(chosen, chosen.c.row_id == REQUESTS.c.row_id)
    query = query.order_by(by.asc() if ascending else by.desc(), REQUESTS.c.row_id.desc()).offset(offset).limit(limit)
    return connection.execute(query).mappings().all()


def count(connection: sa.Connection, search: Search) -> Count:
    """How many rows there are."""
    if search.summed:
        return Count(_summed(connection, search))
    looked = _looked_at(search, None, bounded=True, counting=not search.scans)
    query = sa.select(sa.func.count()).select_from(_filtered(looked, search, None).subquery())
    found = int(connection.execute(query).scalar_one())
    seen = found
    if search.scans:
        seen = int(connection.execute(sa.select(sa.func.count()).select_from(looked)).scalar_one())
    return Count(found, seen < SCAN)


def places(connection: sa.Connection, search: Search, before: Cursor | None) -> list[tuple[int, int, str | None]]:
    """(started_at, row_id, session) of the newest rows, or those behind the cursor; at most ``SCAN``."""
    looked = _looked_at(search, before, bounded=True)
    query = _of_looked(looked, search, (looked.c.started_at, looked.c.row_id, REQUESTS.c.session_id))
    query = query.order_by(looked.c.started_at.desc(), looked.c.row_id.desc())
    return [(int(row[0]), int(row[1]), row[2]) for row in connection.execute(query).all()]


def newest(
    connection: sa.Connection, search: Search, columns: Sequence[sa.ColumnElement[Any]]
) -> tuple[list[tuple[Any, ...]], bool]:
    """Some columns of the newest rows, of at most ``SCAN`` looked at; and whether that are all there are."""
    looked = _looked_at(search, None, bounded=True)
    rows = [tuple(row) for row in connection.execute(_of_looked(looked, search, columns)).all()]
    seen = len(rows)
    if search.scans:
        seen = int(connection.execute(sa.select(sa.func.count()).select_from(looked)).scalar_one())
    return rows, seen < SCAN


def after(connection: sa.Connection, search: Search, row_id: int, limit: int) -> list[int]:
    """The ids of the newest rows stored behind one, the last first; at most ``limit``."""
    query = sa.select(REQUESTS.c.row_id).where(REQUESTS.c.row_id > row_id, *matching(search))
    return list(connection.execute(_by_id(query).order_by(REQUESTS.c.row_id.desc()).limit(limit)).scalars())


def last(connection: sa.Connection, since: int) -> int:
    """The greatest id of the rows that began since then (Unix microseconds), or of all; 0 without any."""
    query = sa.select(sa.func.max(REQUESTS.c.row_id))
    if connection.dialect.name == "postgresql":  # which keeps them in parts by time
        query = query.where(REQUESTS.c.started_at >= since)
    return int(connection.execute(query).scalar() or 0)


def of_ids(connection: sa.Connection, ids: Sequence[int], since: int) -> list[Row]:
    """These rows, the last stored first; all of them began since then."""
    query = sa.select(REQUESTS).where(REQUESTS.c.row_id.in_(list(ids)), REQUESTS.c.started_at >= since)
    return list(connection.execute(_by_id(query).order_by(REQUESTS.c.row_id.desc())).mappings().all())


def _by_id(query: sa.Select[Any]) -> sa.Select[Any]:
    # SQLite would rather look at all of a day, or of a key, than at the few rows behind an id.
    return query.with_hint(REQUESTS, "NOT INDEXED", "sqlite")


def matching(search: Search) -> list[sa.ColumnElement[bool]]:
    """All that rows must fulfil."""
    found = [*_equal(search), *_times(search.since, search.until), *search.others]
    found += _status(search)
    return found if search.reach is None else [*found, search.reach]


def one(connection: sa.Connection, request_id: str, reach: sa.ColumnElement[bool] | None) -> Row | None:
    """The newest row of a request."""
    query = sa.select(REQUESTS).where(REQUESTS.c.request_id == request_id)
    if reach is not None:
        query = query.where(reach)
    return connection.execute(query.order_by(REQUESTS.c.row_id.desc()).limit(1)).mappings().first()


def _summed(connection: sa.Connection, search: Search) -> int:
    """Whole days from the sums, the days at both ends from the log."""
    first, last = -(-search.since // DAY_US), search.until // DAY_US - 1
    if last < first:
        return _between(connection, search, search.since, search.until)
    only = {name: [value] for name, value in search.equal.items()}
    question = Question(first=first, last=last, only=only, reach=search.reach_of_sums)
    sums = rollups.total(connection, question)
    days = sums.failures if search.failed else sums.successes if search.succeeded else sums.requests
    corrections = _corrections(connection, search, first * DAY_US, (last + 1) * DAY_US)
    ends = ((search.since, first * DAY_US), ((last + 1) * DAY_US, search.until))
    return days + corrections + sum(_between(connection, search, since, until) for since, until in ends)


def _between(connection: sa.Connection, search: Search, since: int, until: int) -> int:
    if until <= since:
        return 0
    query = sa.select(sa.func.count()).select_from(REQUESTS)
    query = query.where(*_equal(search), *_times(since, until), *_status(search))
    if search.reach is not None:
        query = query.where(search.reach)
    return int(connection.execute(query).scalar_one())


def _corrections(connection: sa.Connection, search: Search, since: int, until: int) -> int:
    """Rows of the log that sums do not count as requests: few, and found by where they come from."""
    columns = [REQUESTS.c.started_at, *(REQUESTS.c[name] for name in search.equal)]
    wanted = tuple(search.equal.values())
    query = sa.select(*columns).where(REQUESTS.c.incarnation == INCARNATION, *_status(search))
    rows = connection.execute(query if search.reach is None else query.where(search.reach))
    return sum(since <= row[0] < until and tuple(row[1:]) == wanted for row in rows)


def _looked_at(
    search: Search,
    before: Cursor | None,
    *,
    ascending: bool = False,
    bounded: bool = False,
    counting: bool = False,
    most: int | None = None,
) -> sa.Subquery:
    """The places of rows that fulfil what indexes know, in order; not more than SCAN where the rest must be looked at.

    ``most``: as many are enough where all that is asked for is known to indexes.
    """
    columns: tuple[sa.ColumnElement[Any], ...] = (REQUESTS.c.started_at, REQUESTS.c.row_id)
    known = [REQUESTS.c[name] == value for name, value in search.equal.items() if name in INDEXED]
    since, until = search.since, search.until
    if before is not None:  # said twice, since not every database begins at the place of a pair in an index
        since, until = (max(since, before[0]), until) if ascending else (since, min(until, before[0] + 1))
    query = sa.select(*columns).where(*known, *_times(since, until))
    if search.failed:
        query = query.where(sa.text("requests.status <> 'success'"))  # as the partial index says it
    if before is not None:
        place, last = sa.tuple_(*columns), sa.tuple_(*map(sa.literal, before))
        query = query.where(place > last if ascending else place < last)
    limit = SCAN if search.scans or bounded else None
    reaches = _alternatives(search.reach)
    if counting:
        return (query if search.reach is None else query.where(search.reach)).limit(limit).subquery()
    if len(reaches) > 1:
        # What is one's own in several ways: of each the first rows by its own index, instead of all rows to be sorted.
        parts = [_ordered(query.where(each), columns, ascending).limit(limit or most).subquery() for each in reaches]
        whole = sa.union(*[sa.select(part.c.started_at, part.c.row_id) for part in parts]).subquery()
        query, columns = sa.select(whole.c.started_at, whole.c.row_id), (whole.c.started_at, whole.c.row_id)
    elif reaches:
        query = query.where(reaches[0])
    return _ordered(query, columns, ascending).limit(limit).subquery()


def _alternatives(reach: sa.ColumnElement[bool] | None) -> list[sa.ColumnElement[bool]]:
    if reach is None:
        return []
    either = isinstance(reach, sa.BooleanClauseList) and reach.operator is operator.or_
    return list(reach.clauses) if either and isinstance(reach, sa.BooleanClauseList) else [reach]


def _ordered(query: sa.Select[Any], columns: Sequence[sa.ColumnElement[Any]], ascending: bool) -> sa.Select[Any]:
    return query.order_by(*[each.asc() if ascending else each.desc() for each in columns])


def _of_looked(looked: sa.Subquery, search: Search, columns: Sequence[sa.ColumnElement[Any]]) -> sa.Select[Any]:
    query = sa.select(*columns).select_from(looked.join(REQUESTS, REQUESTS.c.row_id == looked.c.row_id))
    return query.where(*_unknown(search)) if search.scans else query


def _filtered(looked: sa.Subquery, search: Search, limit: int | None, *, ascending: bool = False) -> sa.Select[Any]:
    query = sa.select(looked.c.started_at, looked.c.row_id)
    if search.scans:
        query = query.join(REQUESTS, REQUESTS.c.row_id == looked.c.row_id).where(*_unknown(search))
    if limit is None:
        return query
    order = (looked.c.started_at, looked.c.row_id)
    return query.order_by(*[each.asc() if ascending else each.desc() for each in order]).limit(limit)


def _rows(connection: sa.Connection, places: sa.Select[Any], *, ascending: bool) -> Sequence[Row]:
    chosen = places.subquery()
    query = sa.select(REQUESTS).join(chosen, chosen.c.row_id == REQUESTS.c.row_id)
    order = (REQUESTS.c.started_at, REQUESTS.c.row_id)
    return (
        connection.execute(query.order_by(*[each.asc() if ascending else each.desc() for each in order]))
        .mappings()
        .all()
    )


def _place(row: Row) -> Cursor:
    return int(row["started_at"]), int(row["row_id"])


def _unknown(search: Search) -> list[sa.ColumnElement[bool]]:
    """What no index helps with."""
    rest = [REQUESTS.c[name] == value for name, value in search.equal.items() if name not in INDEXED]
    return [*rest, *search.others, *(_status(search) if search.succeeded else ())]


def _status(search: Search) -> list[sa.ColumnElement[bool]]:
    if search.failed:
        return [REQUESTS.c.status != "success"]
    return [REQUESTS.c.status == "success"] if search.succeeded else []


def _equal(search: Search) -> list[sa.ColumnElement[bool]]:
    return [REQUESTS.c[name] == value for name, value in search.equal.items()]


def _times(since: int, until: int) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return REQUESTS.c.started_at >= since, REQUESTS.c.started_at < until
