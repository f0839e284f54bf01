from __future__ import annotations

from typing import Any

import msgspec
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.spending_rig import WEEK, day, people, spend

from phantom_gateway.spine.snapshot import Budget, Settings


async def ask(control: Rig, path: str, key: str | None = None, **query: Any) -> Any:
    answer = await control.get(path, bearer(key) if key else None, **query)
    assert answer.status_code == 200, (path, answer.text)
    return answer.json()


async def test_the_budget_of_the_whole_gateway_is_told(control: Rig) -> None:
    assert await ask(control, "/global/spend") == {"spend": 0.0, "max_budget": 0}
    configuration = control.services.configuration
    settings = Settings(budget=Budget(amount=12_500_000_000, window="30d"))
    configuration.snapshot = msgspec.structs.replace(configuration.snapshot, settings=settings)
    assert await ask(control, "/global/spend") == {"spend": 0.0, "max_budget": 12.5}


async def test_every_report_tells_the_same_story(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    assert (await ask(control, "/global/spend"))["spend"] == 15.0
    keys = await ask(control, "/global/spend/keys")
    assert [(row["api_key"], row["total_spend"]) for row in keys] == [
        (made.tokens["bob"], 10.0), (made.tokens["ann"], 5.0),
    ]  # fmt: skip
    assert keys[1]["key_alias"] == "key-of-ann"
    assert await ask(control, "/global/spend/models") == [{"model": "demo", "total_spend": 15.0}]
    assert await ask(control, "/global/spend/provider", **WEEK) == [{"provider": "openai", "spend": 15.0}]
    teams = await ask(control, "/global/spend/teams")
    assert teams["total_spend_per_team"] == [{"team_id": "Team", "total_spend": 5.0}]
    assert {row["Team"] for row in teams["daily_spend"]} == {1.0}
    assert (await ask(control, "/global/spend/logs"))[-1] == {"date": day(), "spend": 3.0}
    mine = await ask(control, "/global/spend/logs", api_key=made.keys["ann"])
    assert sum(row["spend"] for row in mine) == 5.0
    activity = await ask(control, "/global/activity", **WEEK)
    assert (activity["sum_api_requests"], len(activity["daily_data"])) == (20, 5)
    (model,) = await ask(control, "/global/activity/model", **WEEK)
    assert (model["model"], model["sum_total_tokens"]) == ("demo", activity["sum_total_tokens"])


async def test_tags_and_customers(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    red = {"individual_request_tag": "red", "log_count": 20, "total_spend": 15.0}
    blue = {"individual_request_tag": "blue", "log_count": 10, "total_spend": 10.0}
    assert await ask(control, "/spend/tags") == await ask(control, "/global/spend/tags") == [red, blue]
    assert await ask(control, "/global/spend/tags", tags="blue") == [blue]
    assert await ask(control, "/spend/tags", made.keys["ann"]) == [red | {"log_count": 10, "total_spend": 5.0}]
    assert await ask(control, "/global/spend/all_tag_names") == {"tag_names": ["blue", "red"]}
    assert await ask(control, "/tag/distinct") == {"results": [{"tag": "blue"}, {"tag": "red"}]}
    summary = (await ask(control, "/tag/summary", **WEEK))["results"]
    assert [(row["tag"], row["unique_users"], row["failed_requests"]) for row in summary] == [
        ("red", 2, 10),
        ("blue", 1, 5),
    ]
    customers = await control.post("/global/spend/end_users", {"startTime": day(6), "endTime": day()})
    assert customers.json() == [{"end_user": "eve", "total_count": 10, "total_spend": 5.0}]


async def test_reports_by_day_and_by_entity(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    report = await ask(control, "/global/spend/report", **WEEK)
    assert [row["group_by_day"] for row in report] == [day(back) for back in range(4, -1, -1)]
    (team,) = report[0]["teams"]
    assert (team["team_name"], team["total_spend"]) == ("Team", 1.0)
    assert {row["api_key"] for row in team["metadata"]} == {made.tokens["ann"]}
    (customer,) = (await ask(control, "/global/spend/report", **WEEK, group_by="customer"))[0]["customers"]
    assert (customer["customer"], customer["total_spend"]) == ("eve", 1.0)
    by_key = await ask(control, "/global/spend/report", **WEEK, group_by="api_key")
    assert [(row["api_key"], row["total_cost"]) for row in by_key] == [
        (made.tokens["bob"], 10.0), (made.tokens["ann"], 5.0),
    ]  # fmt: skip
    assert by_key == await ask(control, "/key/spend/report", **WEEK)
    assert [row["user_id"] for row in await ask(control, "/user/spend/report", **WEEK)] == ["bob", "ann"]
    assert [row["team_id"] for row in await ask(control, "/team/spend/report", **WEEK)] == ["t"]
    assert [row["organization_id"] for row in await ask(control, "/organization/spend/report", **WEEK)] == ["o"]
    (row,) = (await ask(control, "/team/spend/by_user", **WEEK))["results"]
    assert (row["team_alias"], row["user_email"], row["spend"], row["failed_requests"]) == ("Team", "ann@x.org", 5.0, 5)


async def test_reports_stay_within_reach(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    bob = made.keys["bob"]
    assert (await control.get("/global/spend", bearer(bob))).status_code == 403
    assert [row["user_id"] for row in await ask(control, "/user/spend/report", bob)] == ["bob"]
    assert await ask(control, "/team/spend/report", bob, team_id="t") == []
    assert await ask(control, "/key/spend/report", bob, api_key=made.tokens["ann"]) == []
    assert (await ask(control, "/team/spend/by_user", bob, team_ids="t"))["results"] == []
    assert [row["api_key"] for row in await ask(control, "/spend/keys", bob)] == [made.tokens["bob"]]
    assert [row["user_id"] for row in await ask(control, "/spend/users", bob)] == ["bob"]
