from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from typing import Any

from tests.unit.store.samples import closed
from tests.unit.store.test_rollup_fill import batch

from phantom_gateway.store import rollups
from phantom_gateway.store.database import Database
from phantom_gateway.store.rollups import CUSTOMERS, TAGS, Metrics, Question, Sum
from phantom_gateway.store.sink import DatabaseSink

HOUR_NS = 3_600_000_000_000
TODAY = int(time.time()) // 86400
MIDNIGHT = TODAY * 24 * HOUR_NS
WEEK: dict[str, Any] = {"first": TODAY - 7, "last": TODAY}


def fill(database: Database) -> None:
    rows = [
        closed(
            n,
            cost=n,
            key_id="ab"[n % 2] * 64,
            team_id="ts"[n % 2],
            at_ns=MIDNIGHT - 24 * HOUR_NS + n * HOUR_NS,
            upstream_model="xyz"[n % 3],
            tags=("red", "blue")[: n % 3],
            end_user="eve" if n % 2 else None,
        )
        for n in range(1, 25)
    ]
    DatabaseSink(database).apply(batch(rows, 24))


def ask(database: Database, question: Question, *by: str, days: bool = False, limit: int = 0) -> list[Sum]:
    with database.read() as connection:
        return rollups.sums(connection, question, by, days=days, limit=limit)


def test_the_same_figure_from_every_kind(database: Database) -> None:
    fill(database)
    everything = Question(**WEEK)
    total = sum(range(1, 25))
    with database.read() as connection:
        assert rollups.total(connection, everything).cost_nano == total
        assert rollups.distinct(connection, everything, "model") == 3
        assert rollups.days_of(connection, everything) == [TODAY - 1, TODAY]
    for by in ("model", "key_id", "team_id", "user_id", "org_id", "call_type", "project_id"):
        assert sum(each.metrics.cost_nano for each in ask(database, everything, by)) == total, by
    assert ask(database, everything, "key_id", limit=1) == [ask(database, everything, "key_id")[0]]
    assert ask(database, everything, "key_id")[0].group == ("a" * 64,), "the dearest first"


def test_filters_and_reach_hold_everywhere(database: Database) -> None:
    fill(database)
    mine = rollups.owners()["team"].in_(["t"])
    for question in (Question(**WEEK, reach=mine), Question(**WEEK, only={"team_id": ["t"]})):
        assert {each.group for each in ask(database, question, "key_id")} == {("a" * 64,)}
        assert sum(each.metrics.cost_nano for each in ask(database, question, "model")) == sum(range(2, 25, 2))
    others = Question(**WEEK, without={"team_id": ["t"]}, reach=mine)
    assert ask(database, others, "model") == []
    with database.read() as connection:
        assert rollups.total(connection, others) == Metrics()


def test_days_of_another_zone_are_exact(database: Database) -> None:
    fill(database)
    for offset in (-11, -1, 1, 5, 14):
        expected: Counter[int] = Counter()
        for n in range(1, 25):
            expected[((TODAY - 1) * 24 + n + offset) // 24] += n
        asked = Question(first=TODAY - 7, last=TODAY + 7, offset_hours=offset)
        found = {each.day: each.metrics.cost_nano for each in ask(database, asked, days=True)}
        assert found == dict(expected), offset


def test_tags_and_customers_are_asked_by_name(database: Database) -> None:
    fill(database)
    tags = {each.group[0]: each.metrics.requests for each in ask(database, Question(**WEEK, family=TAGS), "name")}
    assert tags == {"red": 16, "blue": 8}
    red = Question(**WEEK, family=TAGS, only={"name": ["red"]})
    assert sum(each.metrics.requests for each in ask(database, red, "model", "key_id")) == 16
    (eve,) = ask(database, Question(**WEEK, family=CUSTOMERS), "name")
    assert (eve.group, eve.metrics.requests) == (("eve",), 12)
    with database.read() as connection:
        assert rollups.names(connection, "tags", 10) == ["blue", "red"]


def test_token_sides_are_openais() -> None:
    metrics = Metrics(
        input=1, cache_read=2, cache_write_5m=4, cache_write_1h=8, audio_input=16, output=32, reasoning=64
    )
    assert (metrics.prompt_tokens, metrics.completion_tokens, metrics.total_tokens) == (31, 96, 127)


def test_those_without_a_team_are_left_out_whatever_is_asked_for(database: Database) -> None:
    rows = [
        closed(
            n,
            cost=n,
            key_id="ab"[n % 2] * 64,
            team_id=(None, "t", "s")[n % 3],
            at_ns=MIDNIGHT - n * HOUR_NS,
            upstream_model="xyz"[n % 5 % 3],
        )
        for n in range(1, 60)
    ]
    DatabaseSink(database).apply(batch(rows, 60))
    teams = Question(**WEEK, without={"team_id": [""]})
    named = Question(**WEEK, only={"team_id": ["t", "s"]})
    for by in ((), ("model",), ("key_id",), ("model", "call_type"), ("team_id",), ("team_id", "model")):
        for days in (False, True):
            for offset in (0, 2):
                asked = [ask(database, replace(each, offset_hours=offset), *by, days=days) for each in (teams, named)]
                assert asked[0] == asked[1], (by, days, offset)
    assert ask(database, teams, "model", limit=2) == ask(database, named, "model", limit=2)
    with database.read() as connection:
        assert rollups.top(connection, teams, "key_id", 1) == rollups.top(connection, named, "key_id", 1)
        for column in ("model", "team_id", "key_id"):
            pairs = [set(rollups.groups(connection, each, (column, "team_id"))) for each in (teams, named)]
            assert pairs[0] == pairs[1]


def test_times_are_found_where_they_are_kept(database: Database) -> None:
    fill(database)
    mine = rollups.owners()["team"].in_(["t"])
    with database.read() as connection:
        every = rollups.spreads(connection, Question(**WEEK))
        models = rollups.spreads(connection, Question(**WEEK), ("model",))
        own = rollups.spreads(connection, Question(**WEEK, reach=mine), ("team_id",))
        none = rollups.spreads(connection, Question(**{**WEEK, "first": TODAY + 1, "last": TODAY + 1}))
        for question, by in (
            (Question(**WEEK), ("key_id",)), (Question(**WEEK, only={"team_id": ["t"]}), ("model",)),
            (Question(**WEEK, reach=mine), ("model",)), (Question(**WEEK, family=TAGS), ("name",)),
        ):  # fmt: skip
            assert rollups.spreads(connection, question, by) is None
    assert every is not None
    assert sum(every[()].answers.values()) == 24
    assert models is not None
    assert {group: sum(each.answers.values()) for group, each in models.items()} == {(name,): 8 for name in "xyz"}
    assert own is not None
    assert {group: sum(each.answers.values()) for group, each in own.items()} == {("t",): 12}
    assert none == {}
