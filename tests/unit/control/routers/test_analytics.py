from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.spending_rig import WEEK, day, people, spend

from phantom_gateway.control.guard import DeferredRoute
from phantom_gateway.control.routers.analytics import router

DATES: dict[str, Any] = {"startTime": day(6), "endTime": day()}
ROUTES: dict[str, dict[str, Any]] = {
    "/model/metrics": {**DATES, "_selected_model_group": "demo"},
    "/model/streaming_metrics": DATES,
    "/model/metrics/slow_responses": DATES,
    "/model/metrics/exceptions": {**DATES, "customer": "eve"},
    "/global/activity/exceptions": {**WEEK, "model_group": "demo"},
    "/global/activity/exceptions/deployment": WEEK,
    "/global/activity/cache_hits": {**WEEK, "models": "demo"},
    "/global/all_end_users": {},
    "/tag/dau": {"tag_filter": "red"},
    "/tag/wau": {},
    "/tag/mau": {},
}


async def test_each_route_answers_administrators_in_the_shape_it_promises(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    promised = {each.path: each.made.answer for each in router().routes if isinstance(each, DeferredRoute)}
    assert set(promised) == set(ROUTES)
    for path, query in ROUTES.items():
        answer = await control.get(path, **query)
        assert answer.status_code == 200, (path, answer.text)
        TypeAdapter(promised[path]).validate_python(answer.json())
        assert answer.json() or path.endswith("/deployment"), path
        assert (await control.get(path, bearer(made.keys["ann"]), **query)).status_code == 403


async def test_filters_narrow(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    assert (await control.get("/global/all_end_users")).json() == {"end_users": ["eve"]}
    found = await control.get("/model/metrics/exceptions", **DATES, customer="eve")
    assert found.json()["data"] == [{"model": "demo", "throttling_error": 5}]
    found = await control.get("/model/metrics", **DATES, api_key=made.keys["ann"])
    assert found.json()["all_api_bases"] == ["demo"]
    for name, value in (("_selected_model_group", "other"), ("customer", "nobody"), ("api_key", "sk-nobody")):
        query: dict[str, Any] = {**DATES, name: value}
        assert (await control.get("/model/metrics", **query)).json()["data"] == []
    red = (await control.get("/tag/dau", tag_filters=["red", "none"])).json()["results"]
    assert {row["tag"] for row in red} == {"red"}
    hits = (await control.get("/global/activity/cache_hits", **WEEK, key_aliases="key-of-ann")).json()
    assert hits["totals"]["failed_requests"] == 5
    assert (await control.get("/global/activity/cache_hits", **WEEK, key_aliases="nobody")).json()["groups"] == []


@pytest.mark.parametrize("path", ["/model/metrics", "/model/metrics/slow_responses", "/model/metrics/exceptions"])
async def test_wrong_dates_and_unknown_parameters_are_refused(control: Rig, path: str) -> None:
    wrong: list[dict[str, Any]] = [
        {"startTime": "yesterday"},
        {"startTime": day(), "endTime": day(3)},
        {"model": "demo"},
    ]
    for query in wrong:
        assert (await control.get(path, **query)).status_code == 400, query
