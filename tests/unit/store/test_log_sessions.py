from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.store.samples import closed
from tests.unit.store.test_rollup_fill import batch

from phantom_gateway.store import log_sessions
from phantom_gateway.store.database import Database
from phantom_gateway.store.log_search import Cursor, Search
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import REQUESTS

START_NS = 1_800_000_000_000_000_000
SPAN: dict[str, Any] = {"since": START_NS // 1000, "until": START_NS // 1000 + 10**9}
SESSIONS = ("a", "b", None, "a", "c", "b", "a", None, "c", "d")


def fill(database: Database) -> None:
    rows = [
        closed(n, cost=n, at_ns=START_NS + n // 2 * 1_000_000, session_id=session, user_id="ann" if n % 2 else "bob")
        for n, session in enumerate(SESSIONS, 1)
    ]
    DatabaseSink(database).apply(batch(rows, len(rows)))


def pages(database: Database, search: Search, size: int) -> list[tuple[Any, int, int]]:
    found: list[tuple[Any, int, int]] = []
    place: Cursor | None = None
    with database.read() as connection:
        for _ in range(20):
            page = log_sessions.page(connection, search, place, size)
            assert len(page.sessions) <= size
            found += [(each.newest["session_id"], each.requests, each.cost_nano) for each in page.sessions]
            place = page.cursor
            if place is None:
                return found
    raise AssertionError("there is no end")


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_each_session_comes_once_with_all_that_it_cost(database: Database, size: int) -> None:
    fill(database)
    found = pages(database, Search(**SPAN), size)
    counts = Counter(session for session in SESSIONS if session)
    costs = {name: sum(n for n, each in enumerate(SESSIONS, 1) if each == name) for name in counts}
    assert {name: (requests, cost) for name, requests, cost in found if name} == {
        name: (counts[name], costs[name]) for name in counts
    }
    assert [name for name, _, _ in found] == ["d", "c", None, "a", "b", None]
    assert [cost for name, _, cost in found if name is None] == [8, 3]


@pytest.mark.parametrize("size", [1, 50])
def test_only_what_matches_counts(database: Database, size: int) -> None:
    fill(database)
    for search in (
        Search(**SPAN, equal={"user_id": "ann"}),
        Search(**SPAN, reach=sa.or_(REQUESTS.c.user_id == "ann", REQUESTS.c.team_id == "none")),
        Search(**SPAN, others=(REQUESTS.c.cost_nano % 2 == 1,)),
    ):
        found = pages(database, search, size)
        assert found == [("c", 2, 14), ("a", 2, 8), (None, 1, 3)]
    assert pages(database, Search(**SPAN, equal={"user_id": "nobody"}), size) == []
