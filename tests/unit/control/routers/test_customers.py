from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import ADMIN, Rig
from tests.unit.store.samples import closed

FIELDS = {"user_id", "blocked", "alias", "spend", "allowed_model_region", "default_model", "models", "budget_id"}
FIELDS |= {"litellm_budget_table", "object_permission_id", "object_permission"}
"""LiteLLM 1.106.2's ``CustomerResponse``."""


@pytest.mark.parametrize("name", ["customer", "end_user"])
async def test_a_customer_is_made_changed_and_deleted(control: Rig, name: str) -> None:
    body = {"user_id": "c", "alias": "C", "max_budget": 2, "allowed_model_region": "eu", "models": ["demo"]}
    made = await control.post(f"/{name}/new", body)
    assert (made.status_code, made.headers["etag"]) == (200, '"1"'), made.text
    assert made.json().keys() >= FIELDS
    changed = await control.post(f"/{name}/update", {"user_id": "c", "default_model": "demo"})
    assert changed.headers["etag"] == '"2"'
    shown = await control.get(f"/{name}/info", end_user_id="c")
    assert {key: shown.json()[key] for key in (*body, "default_model")} == {**body, "default_model": "demo"}
    assert shown.headers["etag"] == '"2"'
    assert [one["user_id"] for one in (await control.get(f"/{name}/list")).json()] == ["c"]
    assert (await control.post(f"/{name}/block", {"user_ids": ["c", "d"]})).json()["blocked_users"][1][
        "blocked"
    ] is True
    assert len((await control.get(f"/{name}/list", blocked=True)).json()) == 2
    assert (await control.post(f"/{name}/unblock", {"user_ids": ["c"]})).json() == {"blocked_users": []}
    assert (await control.post(f"/{name}/delete", {"user_ids": ["c", "d"]})).json()["deleted_customers"] == 2
    assert (await control.get(f"/{name}/list")).json() == []


async def test_a_customer_that_has_spent_before_has_its_past(control: Rig) -> None:
    journal = control.journal("w")
    journal.append(closed(0, cost=600_000_000, end_user="c", at_ns=int(control.services.clock() * 1e9)))
    await control.ingestion.catch_up("w", 1)
    made = await control.post("/customer/new", {"user_id": "c", "max_budget": 1, "budget_duration": "1mo"})
    assert made.json()["spend"] == 0.6
    await journal.close()


async def test_lists_are_filtered_sorted_and_paged(control: Rig) -> None:
    for number, name in enumerate(("b_x", "a%x", "cxx")):
        await control.post("/customer/new", {"user_id": name, "max_budget": number})

    async def ids(**query: Any) -> list[str]:
        return [one["user_id"] for one in (await control.get("/customer/list", **query)).json()]

    assert await ids() == ["cxx", "a%x", "b_x"]
    assert await ids(sort_by="user_id", sort_order="asc") == ["a%x", "b_x", "cxx"]
    assert await ids(sort_by="max_budget", size=1, page=2) == ["a%x"]
    assert await ids(search="%") == ["a%x"]
    assert await ids(search="_") == ["b_x"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_budget", -1),
        ("budget_duration", "1x"),
        ("rpm_limit", -1),
        ("allowed_model_region", "mars"),
        ("models", [""]),
        ("default_model", ""),
        ("blocked", "yes"),
        ("spend", 1),
        ("object_permission", {"a": 1}),
        ("budget_id", "nowhere"),
        ("metadata", []),
        ("surprise", 1),
    ],
)
async def test_a_bad_field_is_named_and_changes_nothing(control: Rig, field: str, value: Any) -> None:
    await control.post("/customer/new", {"user_id": "c", "max_budget": 1})
    before = (await control.get("/customer/list")).json()
    for path, user in (("new", "d"), ("update", "c")):
        answer = await control.post(f"/customer/{path}", {"user_id": user, field: value})
        assert answer.status_code == (404 if value == "nowhere" else 400)
        assert answer.json()["error"]["param"].split(".")[0] == field
    assert (await control.get("/customer/list")).json() == before


async def test_what_is_not_there_or_stale_is_refused(control: Rig) -> None:
    hostile = "c'; DROP TABLE customers; --"
    assert (await control.post("/customer/update", {"user_id": hostile})).status_code == 404
    assert (await control.get("/customer/info", end_user_id=hostile)).status_code == 404
    assert (await control.post("/customer/new", {"user_id": hostile})).status_code == 200
    assert (await control.post("/customer/new", {"user_id": hostile})).json()["error"]["param"] == "user_id"
    assert (await control.post("/customer/delete", {"user_ids": [hostile, "d"]})).status_code == 404
    headers = {**ADMIN, "if-match": '"1"'}
    assert (await control.post("/customer/update", {"user_id": hostile, "rpm_limit": 1}, headers)).status_code == 200
    assert (await control.post("/customer/update", {"user_id": hostile, "rpm_limit": 2}, headers)).status_code == 412
    assert (await control.post("/customer/block", {"user_ids": ["x"] * 1001})).status_code == 400
