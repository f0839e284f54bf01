from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import ADMIN, Rig


async def test_a_tag_is_made_changed_and_deleted(control: Rig) -> None:
    made = await control.post("/tag/new", {"name": "a", "description": "d", "models": ["demo"], "max_budget": 3})
    assert (made.status_code, made.headers["etag"]) == (200, '"1"'), made.text
    assert (made.json()["message"], made.json()["tag"]["model_info"]) == (
        "Tag a created successfully",
        {"demo": "demo"},
    )
    changed = await control.post("/tag/update", {"name": "a", "max_budget": None, "rpm_limit": 4})
    assert (changed.json()["tag"]["description"], changed.json()["tag"]["max_budget"]) == ("d", None)
    found = await control.post("/tag/info", {"names": ["a", "b"]})
    assert {name: tag["rpm_limit"] for name, tag in found.json().items()} == {"a": 4}
    assert (await control.post("/tag/info", {"names": ["a"]})).headers["etag"] == '"2"'
    assert [tag["name"] for tag in (await control.get("/tag/list")).json()] == ["a"]
    assert (await control.post("/tag/delete", {"name": "a"})).json() == {"message": "Tag a deleted successfully"}
    assert (await control.get("/tag/list", start_date="2026-01-01", end_date="2026-01-31")).json() == []


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_budget", -1),
        ("budget_duration", "never"),
        ("tpm_limit", "1"),
        ("models", [1]),
        ("description", 1),
        ("budget_id", "nowhere"),
        ("name", "a\nb"),
        ("surprise", 1),
    ],
)
async def test_a_bad_field_is_named_and_changes_nothing(control: Rig, field: str, value: Any) -> None:
    await control.post("/tag/new", {"name": "a", "max_budget": 1})
    before = (await control.get("/tag/list")).json()
    for path, name in (("new", "b"), ("update", "a")):
        answer = await control.post(f"/tag/{path}", {"name": name, field: value})
        assert answer.status_code == (404 if value == "nowhere" else 400)
        assert answer.json()["error"]["param"].split(".")[0] == field
    assert (await control.get("/tag/list")).json() == before


async def test_what_is_not_there_or_stale_is_refused(control: Rig) -> None:
    for path, body in (("update", {"name": "x"}), ("delete", {"name": "x"}), ("info", {"names": ["x"]})):
        assert (await control.post(f"/tag/{path}", body)).status_code == 404
    await control.post("/tag/new", {"name": "a"})
    assert (await control.post("/tag/new", {"name": "a"})).json()["error"]["param"] == "name"
    stale = {**ADMIN, "if-match": '"7"'}
    assert (await control.post("/tag/update", {"name": "a", "rpm_limit": 2}, stale)).status_code == 412
    assert (await control.post("/tag/delete", {"name": "a"}, stale)).status_code == 412
    answer = await control.get("/tag/list", start_date="soon")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "start_date")
