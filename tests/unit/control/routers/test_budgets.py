from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import ADMIN, Rig


async def test_a_budget_is_made_changed_and_deleted(control: Rig) -> None:
    body = {"budget_id": "b", "max_budget": 1.5, "budget_duration": "1d", "model_max_budget": {"m": {"max_budget": 1}}}
    made = await control.post("/budget/new", body)
    assert made.status_code == 200, made.text
    assert made.headers["etag"] == '"1"'
    assert (made.json()["max_budget"], made.json()["created_by"]) == (1.5, "default_user_id")
    changed = await control.post("/budget/update", {"budget_id": "b", "max_budget": None, "tpm_limit": 9})
    assert changed.headers["etag"] == '"2"'
    assert (changed.json()["max_budget"], changed.json()["tpm_limit"], changed.json()["budget_duration"]) == (
        None,
        9,
        "1d",
    )
    assert [one["budget_id"] for one in (await control.post("/budget/info", {"budgets": ["b", "x", "b"]})).json()] == [
        "b"
    ]
    settings = {one["field_name"]: one for one in (await control.get("/budget/settings", budget_id="b")).json()}
    assert (settings["tpm_limit"]["field_value"], settings["max_budget"]["stored_in_db"]) == (9, False)
    assert (await control.post("/budget/delete", {"id": "b"})).json()["budget_id"] == "b"
    assert (await control.get("/budget/list")).json() == []


async def test_ids_are_made_where_none_is_given(control: Rig) -> None:
    ids = {(await control.post("/budget/new", {})).json()["budget_id"] for _ in range(3)}
    assert len(ids) == 3
    assert {one["budget_id"] for one in (await control.get("/budget/list")).json()} == ids
    first = (await control.get("/budget/list", size=1, page=2)).json()
    assert len(first) == 1
    assert (await control.get("/budget/list", search="%")).json() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_budget", -1),
        ("max_budget", 1e300),
        ("soft_budget", "1"),
        ("budget_duration", "soon"),
        ("budget_duration", "0d"),
        ("rpm_limit", -1),
        ("tpm_limit", 1.5),
        ("budget_id", ""),
        ("budget_id", "x" * 256),
        ("budget_id", "a\x00b"),
        ("budget_reset_at", "2030-01-01"),
        ("model_max_budget", {"m": {"max_budget": -1}}),
        ("models", ["m"]),
        ("surprise", 1),
    ],
)
async def test_a_bad_field_is_named_and_changes_nothing(control: Rig, field: str, value: Any) -> None:
    await control.post("/budget/new", {"budget_id": "b", "max_budget": 1})
    before = (await control.get("/budget/list")).json()
    for path in ("new", "update"):
        answer = await control.post(f"/budget/{path}", {"budget_id": "b" if path == "update" else "c", field: value})
        assert (answer.status_code, answer.json()["error"]["param"].split(".")[0]) == (400, field), answer.text
    assert (await control.get("/budget/list")).json() == before


async def test_what_is_not_there_or_stale_is_refused(control: Rig) -> None:
    hostile = "b' OR '1'='1"
    for path, body in (("update", {"budget_id": hostile}), ("delete", {"id": hostile})):
        assert (await control.post(f"/budget/{path}", body)).status_code == 404
    assert (await control.get("/budget/settings", budget_id=hostile)).status_code == 404
    await control.post("/budget/new", {"budget_id": "b"})
    assert (await control.post("/budget/new", {"budget_id": "b"})).json()["error"]["param"] == "budget_id"
    headers = {**ADMIN, "if-match": '"1"'}
    assert (await control.post("/budget/update", {"budget_id": "b", "rpm_limit": 1}, headers)).status_code == 200
    assert (await control.post("/budget/update", {"budget_id": "b", "rpm_limit": 2}, headers)).status_code == 412
    assert (await control.post("/budget/delete", {"id": "b"}, headers)).status_code == 412
    assert (await control.post("/key/generate", {"budget_id": "x"})).json()["error"]["param"] == "budget_id"
