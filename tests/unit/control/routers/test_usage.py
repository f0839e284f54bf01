from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.spending_rig import WEEK, people, spend

REPORT = "/usage/report"


async def ask(control: Rig, path: str, key: str | None = None, **query: Any) -> Any:
    answer = await control.get(path, bearer(key) if key else None, **{**WEEK, **query})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_everybody_sees_what_they_reach(control: Rig) -> None:
    found = await people(control)
    await spend(control, found)
    for key, total in ((None, 15.0), (found.keys["ann"], 5.0), (found.keys["lead"], 5.0), (found.keys["boss"], 5.0)):
        body = await ask(control, REPORT, key, by="user", compare="none")
        assert body["total"]["spend"] == sum(body["days"]["spend"]) == total
        assert sum(each["figures"]["spend"] for each in body["groups"]) == total
    assert [each["label"] for each in (await ask(control, REPORT, by="user"))["groups"]] == ["bob@x.org", "ann@x.org"]
    keys = (await ask(control, REPORT, found.keys["ann"], by="key"))["groups"]
    assert [(each["id"], each["label"]) for each in keys] == [(found.tokens["ann"], "key-of-ann")]


@pytest.mark.parametrize(
    ("query", "requests"),
    [
        ({}, 20), ({"model": "demo"}, 20), ({"upstream_model": "up-bob"}, 5), ({"team_id": "t"}, 10), ({"tag": "blue"}, 10),
        ({"customer": "eve"}, 10), ({"by": "tag"}, 20), ({"by": "customer"}, 20), ({"by": "tag", "tag": "red"}, 20),
        ({"provider": "nobody"}, 0), ({"by": "key", "customer": "eve"}, 10), ({"organization_id": "o", "by": "project"}, 10),
    ],
)  # fmt: skip
async def test_filters_and_dimensions_go_together(control: Rig, query: dict[str, Any], requests: int) -> None:
    await spend(control, await people(control))
    assert (await ask(control, REPORT, **query))["total"]["requests"] == requests


async def test_a_key_is_named_by_itself_or_its_id(control: Rig) -> None:
    found = await people(control)
    await spend(control, found)
    for named in (found.keys["bob"], found.tokens["bob"]):
        assert (await ask(control, REPORT, api_key=named))["total"]["spend"] == 10.0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"by": "mood"}, "by"), ({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"offset": -1}, "offset"),
        ({"start_date": "2026-02-30"}, "start_date"), ({"end_date": "1999-01-01"}, "end_date"), ({"order": "x"}, "order"),
        ({"tag": "a", "customer": "b"}, "tag"),
        ({"tag": "a", "by": "customer"}, "tag"), ({"customer": "a", "by": "tag"}, "customer"), ({"bye": "x"}, "bye"),
        ({"compare": "never"}, "compare"), ({"model": "x" * 2000}, "model"),
    ],
)  # fmt: skip
async def test_bad_questions_are_refused(control: Rig, query: dict[str, Any], field: str) -> None:
    answer = await control.get(REPORT, None, **{**WEEK, **query})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field


async def test_another_model_has_other_prices(control: Rig) -> None:
    await spend(control, await people(control))
    body = await ask(control, "/usage/what_if", instead="demo")
    assert (body["provider"], body["input_cost_per_token"], body["spend"]) == ("openai", 1e-06, 15.0)
    assert body["spend_then"] == pytest.approx(20 * 7 * 1e-06 + 20 * 11 * 2e-06)
    assert (await control.get("/usage/what_if", None, **WEEK, instead="nothing like it")).status_code == 404
    assert (await control.get("/usage/what_if", None, **WEEK)).status_code == 400


async def test_a_forecast_knows_the_budget_of_who_is_asked_for(control: Rig) -> None:
    found = await people(control)
    made = await control.generate(max_budget=10, budget_duration="30d", key_alias="bound", user_id="bob")
    body = await ask(control, "/usage/forecast", api_key=made["token"])
    assert (body["budget"]["limit"], body["budget"]["spent"], body["budget"]["label"]) == (10.0, 0.0, "bound")
    assert body["budget"]["resets_at"] is not None
    assert (await ask(control, "/usage/forecast"))["budget"] is None
    assert (await ask(control, "/usage/forecast", found.keys["ann"], api_key=made["token"]))["budget"] is None, (
        "not hers"
    )
    assert (await ask(control, "/usage/forecast", team_id="t"))["budget"] is None, "it has none"


async def test_attention_is_for_what_one_reaches(control: Rig) -> None:
    found = await people(control)
    control.clock.ahead = 8 * 86_400.0
    everything = (await control.get("/usage/attention")).json()
    own = (await control.get("/usage/attention", bearer(found.keys["ann"]))).json()
    assert everything["unused_keys"]["count"] == 4
    assert [each["name"] for each in own["unused_keys"]["keys"]] == ["key-of-ann"]
    assert (own["old_credentials"], own["budgets"]) == ([], [])
