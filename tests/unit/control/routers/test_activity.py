from __future__ import annotations

import csv
import io
import json
import time
from typing import Any

import pytest
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.spending_rig import WEEK, day, people, spend
from tests.unit.store.samples import closed

METRICS = {
    "spend", "flat_cost", "prompt_tokens", "completion_tokens", "cache_read_input_tokens", "cache_creation_input_tokens",
    "compression_saved_tokens", "compression_savings_spend", "prompt_caching_savings_spend",
    "gateway_injected_caching_savings_spend", "autorouter_savings_spend", "total_tokens", "successful_requests",
    "failed_requests", "api_requests", "total_response_time_ms", "timed_requests",
}  # fmt: skip
"""``SpendMetrics`` of LiteLLM 1.106.2."""
METADATA = {f"total_{name}" for name in METRICS - {"successful_requests", "failed_requests", "api_requests"}} - {
    "total_total_tokens", "total_total_response_time_ms",
}  # fmt: skip


async def ask(control: Rig, path: str, key: str | None = None, **query: Any) -> Any:
    answer = await control.get(path, bearer(key) if key else None, **{**WEEK, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_a_day_has_all_its_breakdowns(control: Rig) -> None:
    found = await people(control)
    await spend(control, found)
    body = await ask(control, "/user/daily/activity/aggregated")
    assert [entry["date"] for entry in body["results"]] == [day(back) for back in range(5)], "the newest first"
    today = body["results"][0]
    assert set(today["metrics"]) == METRICS
    assert (today["metrics"]["spend"], today["metrics"]["api_requests"]) == (3.0, 4)
    assert (today["metrics"]["successful_requests"], today["metrics"]["failed_requests"]) == (2, 2)
    breakdown = today["breakdown"]
    assert {name: entry["metrics"]["spend"] for name, entry in breakdown["models"].items()} == {
        "up-ann": 1.0, "up-bob": 2.0, "demo": 0.0,
    }  # fmt: skip
    assert breakdown["model_groups"]["demo"]["metrics"]["spend"] == 3.0
    assert breakdown["providers"]["openai"]["metrics"]["api_requests"] == 4
    assert list(breakdown["endpoints"]) == ["/chat/completions"]
    assert breakdown["mcp_servers"] == {}
    ann = found.tokens["ann"]
    about = {"key_alias": "key-of-ann", "team_id": "t", "user_id": "ann", "user_email": "ann@x.org", "key_exists": True}
    assert breakdown["api_keys"][ann]["metadata"] == about
    assert breakdown["models"]["up-ann"]["api_key_breakdown"][ann]["metrics"]["spend"] == 1.0
    assert sorted(breakdown["entities"]) == ["ann", "bob"]
    assert breakdown["entities"]["ann"]["metadata"] == {"user_email": "ann@x.org", "user_alias": None}
    assert list(breakdown["entities"]["ann"]["api_key_breakdown"]) == [ann]
    metadata = body["metadata"]
    assert set(metadata) >= METADATA
    assert (metadata["total_spend"], metadata["total_api_keys"], metadata["has_more"]) == (15.0, 2, False)


@pytest.mark.parametrize("part", ["", "/aggregated"])
@pytest.mark.parametrize(
    ("kind", "amount", "calls"),
    [("user", 15.0, 20), ("team", 5.0, 10), ("organization", 5.0, 10), ("customer", 5.0, 10)],
)
async def test_totals_are_those_of_its_entities(control: Rig, part: str, kind: str, amount: float, calls: int) -> None:
    """Calls without a team are no activity of teams; a key without anybody is no activity of users."""
    found = await people(control)
    await spend(control, found)
    nobody = control.journal("nobody")
    nobody.append(closed(0, cost=7 * 10**9, key_id="k" * 64, at_ns=time.time_ns(), spends=()))
    await control.ingestion.catch_up("nobody", 1)
    await nobody.close()
    body = await ask(control, f"/{kind}/daily/activity{part}")
    metadata = body["metadata"]
    assert (metadata["total_spend"], metadata["total_api_requests"]) == (amount, calls)
    for breakdown in ("entities", "models", "providers", "api_keys"):
        entries = [each for entry in body["results"] for each in entry["breakdown"][breakdown].values()]
        assert sum(each["metrics"]["spend"] for each in entries) == amount, breakdown
        assert sum(each["metrics"]["api_requests"] for each in entries) == calls, breakdown
    exported = await control.get(f"/{kind}/daily/activity/export", format="json", **WEEK)
    assert sum(row["spend"] for row in exported.json()) == amount


async def test_pages_are_of_days_and_totals_of_everything(control: Rig) -> None:
    await spend(control, await people(control))
    dates, total = [], set()
    for page in (1, 2, 3):
        body = await ask(control, "/user/daily/activity", page=page, page_size=2)
        dates += [entry["date"] for entry in body["results"]]
        total.add(body["metadata"]["total_spend"])
        assert body["metadata"]["total_pages"] == 3
        assert body["metadata"]["has_more"] == (page < 3)
    assert dates == [day(back) for back in range(5)]
    assert total == {15.0}
    assert (await ask(control, "/user/daily/activity", page=4, page_size=2))["results"] == []


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [
        ("user", {"user_id": "ann"}, 5.0),
        ("user", {"user_id": "nobody"}, 0.0),
        ("user", {"model": "up-bob"}, 10.0),
        ("team", {"team_ids": "t,other"}, 5.0),
        ("team", {"exclude_team_ids": "t"}, 0.0),
        ("organization", {"organization_ids": "o"}, 5.0),
        ("tag", {"tags": "blue"}, 10.0),
        ("customer", {"end_user_ids": "eve"}, 5.0),
        ("customer", {"exclude_end_user_ids": "eve"}, 0.0),
        ("agent", {}, 0.0),
        ("user", {"timezone": -60}, 15.0),
    ],
)
async def test_filters(control: Rig, path: str, query: dict[str, Any], expected: float) -> None:
    await spend(control, await people(control))
    body = await ask(control, f"/{path}/daily/activity/aggregated", **query)
    assert body["metadata"]["total_spend"] == expected
    assert sum(entry["metrics"]["spend"] for entry in body["results"]) == expected


async def test_days_of_another_zone(control: Rig) -> None:
    """Half past midnight UTC is the day before in New York."""
    await spend(control, await people(control))
    body = await ask(control, "/user/daily/activity/aggregated", timezone=300)
    assert [entry["date"] for entry in body["results"]] == [day(back + 1) for back in range(5)]


async def test_everybody_sees_what_he_reaches_and_nothing_else(control: Rig) -> None:
    found = await people(control)
    await spend(control, found)
    expected = {"ann": 5.0, "bob": 10.0, "lead": 5.0, "boss": 5.0}
    for kind in ("user", "team", "organization", "customer"):
        for name, amount in expected.items():
            body = await ask(control, f"/{kind}/daily/activity/aggregated", found.keys[name])
            seen = 0.0 if kind != "user" and name == "bob" else amount
            assert body["metadata"]["total_spend"] == seen, (kind, name)
    for query in ({"team_ids": "t"}, {"api_key": found.tokens["ann"]}):
        for part in ("", "/aggregated", "/aggregated/keys"):
            text = json.dumps(await ask(control, f"/team/daily/activity{part}", found.keys["bob"], **query))
            assert "up-ann" not in text
            assert "key-of-ann" not in text
    exported = await control.get("/team/daily/activity/export", bearer(found.keys["bob"]), **WEEK)
    assert "t," not in exported.text


async def test_keys_are_paged_and_searched(control: Rig) -> None:
    found = await people(control)
    await spend(control, found)
    path = "/user/daily/activity/aggregated"
    first = await ask(control, f"{path}/keys", limit=1)
    assert (first["total_api_keys"], first["api_keys"][0]["api_key"]) == (2, found.tokens["bob"])
    assert first["api_keys"][0]["metrics"]["spend"] == 10.0
    second = await ask(control, f"{path}/keys", limit=1, offset=1)
    assert second["api_keys"][0]["api_key"] == found.tokens["ann"]
    for text in ("OF-ANN", found.tokens["ann"][5:20]):
        searched = await ask(control, f"{path}/search", search=text)
        assert [row["api_key"] for row in searched["api_keys"]] == [found.tokens["ann"]]
    assert (await ask(control, f"{path}/search", search="%"))["api_keys"] == [], "wildcards stand for themselves"
    top = await ask(control, f"{path}/model_top_keys", model_group="demo", limit=1)
    assert [row["api_key"] for row in top["api_keys"]] == [found.tokens["bob"]]
    assert (await ask(control, f"{path}/model_top_keys", model_group="up-ann", by_model_group=False))[
        "model"
    ] == "up-ann"


async def test_exports(control: Rig) -> None:
    await spend(control, await people(control))
    answer = await control.get("/team/daily/activity/export", **WEEK, export_type="daily_with_models")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sum(float(row["spend"]) for row in rows) == 5.0
    assert {row["team_id"] for row in rows} == {"t"}
    as_json = await ask(control, "/team/daily/activity/export", export_type="daily_with_models", format="json")
    assert len(as_json) == len(rows)
    assert await ask(control, "/agent/daily/activity/export", format="json") == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"start_date": ""}, "start_date"),
        ({"start_date": "yesterday"}, "start_date"),
        ({"end_date": "2001-01-01"}, "end_date"),
        ({"start_date": "1971-01-01"}, "end_date"),
        ({"timezone": 10_000}, "timezone"),
        ({"page": 0}, "page"),
        ({"team_ids": ",".join(map(str, range(600)))}, "team_ids"),
        ({"tags": "x"}, "tags"),
    ],
)
async def test_bad_input_is_named(control: Rig, query: dict[str, Any], field: str) -> None:
    answer = await control.get("/team/daily/activity", **{**WEEK, **query})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field
