from __future__ import annotations

from typing import Any

import pytest
from tests.unit.store.samples import closed

from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.replay import Position
from phantom_gateway.store import log_search
from phantom_gateway.store.database import Database
from phantom_gateway.store.log_search import Count, Search
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import REQUESTS

ALWAYS: dict[str, Any] = {"since": 0, "until": 1 << 62}
RARE = (REQUESTS.c.model == "rare",)


def fill(database: Database) -> None:
    made = [closed(n, model="rare" if n == 3 else "often", user_id="u") for n in range(1, 21)]
    DatabaseSink(database).apply(Batch(incarnation="w", records=tuple(made), position=Position(20, 1, 1)))


def test_a_search_that_finds_little_goes_on_behind_what_it_has_seen(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(database)
    monkeypatch.setattr(log_search, "SCAN", 6)
    found, cursor, pages = [], None, 0
    with database.read() as connection:
        search = Search(**ALWAYS, others=RARE)
        assert log_search.count(connection, search) == Count(0, exact=False)
        while True:
            page = log_search.page(connection, search, cursor, 5)
            found += [row["number"] for row in page.rows]
            pages, cursor = pages + 1, page.cursor
            if cursor is None:
                break
    assert (found, pages) == ([3], 4)


@pytest.mark.parametrize("scan", [6, 20, 100])
def test_the_first_page_and_its_count_are_those_of_two_looks(
    database: Database, monkeypatch: pytest.MonkeyPatch, scan: int
) -> None:
    fill(database)
    monkeypatch.setattr(log_search, "SCAN", scan)
    searches = [
        Search(**ALWAYS, others=RARE),
        Search(**ALWAYS, others=(REQUESTS.c.model == "often",)),
        Search(**ALWAYS, others=(REQUESTS.c.model == "none",), reach=REQUESTS.c.user_id == "u"),
        Search(**ALWAYS, equal={"user_id": "u"}),
        Search(**ALWAYS, equal={"user_id": "u"}, failed=True),
        Search(**ALWAYS, equal={"model_group": "demo"}, succeeded=True),
    ]
    with database.read() as connection:
        for search in searches:
            for limit in (1, 5, 50):
                page, count = log_search.first(connection, search, limit)
                usual = log_search.page(connection, search, None, limit)
                assert [row["number"] for row in page.rows] == [row["number"] for row in usual.rows]
                assert page.cursor == usual.cursor
                assert count == log_search.count(connection, search)


def test_counts_say_when_they_are_not_exact(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(database)
    with database.read() as connection:
        search = Search(**ALWAYS, equal={"user_id": "u"}, reach=REQUESTS.c.user_id == "u")
        assert log_search.count(connection, search) == Count(20)
        monkeypatch.setattr(log_search, "SCAN", 20)
        assert log_search.count(connection, search) == Count(20, exact=False)
        assert log_search.count(connection, Search(**ALWAYS, equal={"user_id": "u"})) == Count(20), "from the sums"


def test_what_failed_and_what_did_not_is_counted_by_sums_as_by_rows(database: Database) -> None:
    made = [
        closed(n, status="failure" if n % 3 else "success", model="rare" if n < 5 else "often") for n in range(1, 21)
    ]
    DatabaseSink(database).apply(Batch(incarnation="w", records=tuple(made), position=Position(20, 1, 1)))
    always = (REQUESTS.c.cost_nano >= 0,)
    with database.read() as connection:
        for others in ((), always):
            assert log_search.count(connection, Search(**ALWAYS, others=others, failed=True)) == Count(14)
            assert log_search.count(connection, Search(**ALWAYS, others=others, succeeded=True)) == Count(6)
            for limit in (2, 50):
                page, count = log_search.first(connection, Search(**ALWAYS, others=others, succeeded=True), limit)
                assert ([row["number"] for row in page.rows], count.rows) == ([18, 15, 12, 9, 6, 3][:limit], 6)


def test_one_request_is_found_by_its_id(database: Database) -> None:
    fill(database)
    with database.read() as connection:
        row = log_search.one(connection, "call-3", None)
        assert row is not None
        assert row["model"] == "rare"
        assert log_search.one(connection, "call-3", REQUESTS.c.user_id == "v") is None
