from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.store.samples import closed
from tests.unit.store.test_rollup_fill import batch

from phantom_gateway.control.usage.questions import Asked
from phantom_gateway.control.usage.report import Wanted, overview, report
from phantom_gateway.store import latency_sample, schema
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.rollup_tables import SPEND_DIMENSIONS
from phantom_gateway.store.rollups import CUSTOMERS, TAGS, Question
from phantom_gateway.store.sink import DatabaseSink

TODAY = int(time.time()) // 86_400
DAY_NS = 86_400_000_000_000
USD = 1_000_000_000


def test_groups_and_what_they_leave_are_the_total(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "r.db")
    schema.migrate(database)
    calls = [
        closed(
            n + 1, at_ns=(TODAY - n % 4) * DAY_NS, cost=(n % 3 + 1) * USD, group="abc"[n % 3], call_type="acompletion",
            duration_us=1_000_000, ttft_us=90_000, tags=("x", "y") if n % 2 else (), status="failure" if n % 6 == 5 else "success",
        )
        for n in range(24)
    ]  # fmt: skip
    DatabaseSink(database).apply(batch(calls, 24))
    week = Question(first=TODAY - 1, last=TODAY)
    with database.read() as connection:
        models = report(connection, Asked(week, "model_group"), Wanted(limit=2))
        rest = report(connection, Asked(week, "model_group"), Wanted(limit=2, offset=2, order="tokens", compare="none"))
        tags = report(connection, Asked(Question(first=TODAY - 1, last=TODAY, family=TAGS), "name"), Wanted())
        routes = report(connection, Asked(week, "call_type"), Wanted(order="requests"))
        plain = report(connection, Asked(week), Wanted())
        both = overview(connection, week, {"model": "model_group", "route": "call_type"}, Wanted(limit=2))
    assert (models["total"]["spend"], models["total"]["requests"], models["previous"]["spend"]) == (24.0, 12, 24.0)
    assert models["days"]["spend"] == [12.0, 12.0]
    assert [(each["id"], each["figures"]["spend"]) for each in models["groups"]] == [("c", 12.0), ("b", 8.0)]
    assert (models["more"], models["groups"][0]["previous_spend"]) == (True, 12.0)
    assert [sum(each["days"]["spend"]) for each in models["groups"]] == [12.0, 8.0]
    assert 800 < models["total"]["p50_ms"] < 1_200
    assert 75 < models["groups"][0]["figures"]["first_p95_ms"] < 110
    assert ([each["id"] for each in rest["groups"]], rest["more"], rest["previous"]) == (["c"], False, None)
    assert (tags["total"]["requests"], sum(each["figures"]["requests"] for each in tags["groups"])) == (12, 12)
    assert tags["groups"][0]["figures"]["p50_ms"] is None
    assert [each["label"] for each in routes["groups"]] == ["/chat/completions"]
    assert plain["groups"] == []
    assert both["by"]["model"] == models["groups"]
    assert [each["id"] for each in both["by"]["route"]] == ["acompletion"]
    assert {name: both[name] for name in both if name != "by"} == {
        name: models[name] for name in models if name not in ("groups", "more")
    }
    database.close()


def test_percentiles_of_keys_and_customers_are_of_their_newest_requests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(latency_sample, "NEWEST", 5)
    database = open_sqlite(tmp_path / "r.db")
    schema.migrate(database)
    calls = [
        closed(
            n + 1, at_ns=TODAY * DAY_NS + n * 1_000, key_id="ab"[n % 2] * 64, end_user="acme" if n % 2 else None,
            duration_us=1_000_000 if n >= 10 else 64_000_000, group="gpt" if n % 4 else "other",
            status="failure" if n == 19 else "success",
        )
        for n in range(20)
    ]  # fmt: skip
    DatabaseSink(database).apply(batch(calls, 20))
    week = Question(first=TODAY - 6, last=TODAY)
    customers = Question(first=TODAY - 6, last=TODAY, family=CUSTOMERS)
    with database.read() as connection:
        keys = report(connection, Asked(week, "key_id"), Wanted())["groups"]
        of_model = report(connection, Asked(replace(week, only={"model_group": ["other"]}), "key_id"), Wanted())[
            "groups"
        ]
        named = report(connection, Asked(customers, "name"), Wanted())["groups"]
        own = report(connection, Asked(replace(week, reach=SPEND_DIMENSIONS.c.key_id == "a" * 64), "key_id"), Wanted())
    assert [(each["id"][0], each["sampled"]) for each in keys] == [("a", 5), ("b", 4)]
    assert all(800 < each["figures"]["p95_ms"] < 1_200 for each in keys)
    assert [(each["id"][0], each["sampled"]) for each in of_model] == [("a", 5)], "filters hold for the sample, too"
    assert of_model[0]["figures"]["p95_ms"] > 50_000
    assert [(each["id"], each["sampled"]) for each in named] == [("acme", 4)]
    assert (own["groups"][0]["sampled"], own["groups"][0]["figures"]["p50_ms"]) == (None, None)
    database.close()
