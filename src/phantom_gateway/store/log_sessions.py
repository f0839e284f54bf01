"""The spend log by sessions: of each its newest request, with what all of its requests add up to.

A request without a session stands for itself. Sessions come in the order of their newest requests; at most ``SCAN`` requests are
looked at for a page, and the cursor goes on behind the last one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from phantom_gateway.store import log_search
from phantom_gateway.store.log_search import SCAN, Cursor, Row, Search
from phantom_gateway.store.tables import REQUESTS

_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Session:
    """What the requests of a session that match add up to. Times in Unix microseconds."""

    newest: Row
    requests: int
    cost_nano: int
    began_at: int


@dataclass(frozen=True, slots=True)
class SessionPage:
    """Sessions, and where the next page begins; ``None`` at the end."""

    sessions: Sequence[Session]
    cursor: Cursor | None


@dataclass(frozen=True, slots=True)
class _Sum:
    requests: int
    cost_nano: int
    began_at: int
    newest: Cursor


def page(connection: sa.Connection, search: Search, before: Cursor | None, limit: int) -> SessionPage:
    """The sessions with the newest requests, or those behind the cursor."""
    places = log_search.places(connection, search, before)
    heads: list[tuple[int, int, _Sum | None]] = []
    for start in range(0, len(places), _CHUNK):
        chunk = places[start : start + _CHUNK]
        named = list(dict.fromkeys(session for _, _, session in chunk if session))
        sums = _sums(connection, search, named)
        for started_at, row_id, session in chunk:
            found = sums.get(session or "")
            if found is not None and found.newest != (started_at, row_id):
                continue  # its newest request came before
            heads.append((started_at, row_id, found))
            if len(heads) == limit:
                more = start + _CHUNK < len(places) or (started_at, row_id) != places[-1][:2]
                return SessionPage(_shown(connection, heads), (started_at, row_id) if more else None)
    return SessionPage(_shown(connection, heads), places[-1][:2] if len(places) == SCAN else None)


def _sums(connection: sa.Connection, search: Search, sessions: Sequence[str]) -> dict[str, _Sum]:
    """By session what its requests that match add up to."""
    if not sessions:
        return {}
    table = REQUESTS.c
    mine = (table.session_id.in_(sessions), *log_search.matching(search))
    latest = sa.func.max(table.started_at)
    query = sa.select(
        table.session_id, sa.func.count(), sa.func.sum(table.cost_nano), sa.func.min(table.started_at), latest
    )
    rows = connection.execute(query.where(*mine).group_by(table.session_id)).all()
    # Of several in the same microsecond the last stored one is the newest.
    ends = sa.tuple_(table.session_id, table.started_at).in_([(row[0], row[4]) for row in rows])
    last = sa.select(table.session_id, sa.func.max(table.row_id)).where(ends, *mine).group_by(table.session_id)
    newest = {row[0]: row[1] for row in connection.execute(last).all()} if rows else {}
    return {
        session: _Sum(int(count), int(cost), int(began), (int(latest), int(newest[session])))
        for session, count, cost, began, latest in rows
    }


def _shown(connection: sa.Connection, heads: Sequence[tuple[int, int, _Sum | None]]) -> list[Session]:
    ids = [row_id for _, row_id, _ in heads]
    times = [started_at for started_at, _, _ in heads]
    if not ids:
        return []
    # The time as well, by which PostgreSQL keeps the log in parts.
    query = sa.select(REQUESTS).where(REQUESTS.c.row_id.in_(ids), REQUESTS.c.started_at.between(min(times), max(times)))
    rows = {row["row_id"]: row for row in connection.execute(query).mappings()}
    return [
        Session(rows[row_id], 1, rows[row_id]["cost_nano"], started_at)
        if found is None
        else Session(rows[row_id], found.requests, found.cost_nano, found.began_at)
        for started_at, row_id, found in heads
    ]
