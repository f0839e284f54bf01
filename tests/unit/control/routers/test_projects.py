from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.people import cast, dump, param_of
from tests.unit.control.rig import Rig, bearer

FIELDS: dict[str, Any] = {
    "project_alias": "search",
    "description": "what we do",
    "models": ["demo"],
    "max_budget": 1.5,
    "budget_duration": "30d",
    "rpm_limit": 1,
    "tags": ["x"],
    "metadata": {"a": 1},
    "model_rpm_limit": {"demo": 2},
    "blocked": False,
}


async def test_new_info_update_list_delete(control: Rig) -> None:
    people = await cast(control)
    made = (await people.post("team_admin", "/project/new", team_id="t", project_id="x", **FIELDS)).json()
    assert {name: made[name] for name in FIELDS} == FIELDS
    assert (made["team_id"], made["litellm_budget_table"]["max_budget"]) == ("t", 1.5)
    again = await people.post("admin", "/project/new", team_id="t", project_id="x")
    assert param_of(again) == (400, "project_id")
    answer = await people.get("member", "/project/info", project_id="x")
    assert answer.json() == made
    changed = await people.post(
        "org_admin", "/project/update", project_id="x", rpm_limit=None, tags=None, description=None
    )
    assert (changed.json()["rpm_limit"], changed.json()["tags"], changed.json()["description"]) == (None, [], None)
    headers = people.headers("admin") | {"if-match": answer.headers["etag"]}
    late = await control.http.post("/project/update", json={"project_id": "x"}, headers=headers)
    assert late.status_code == 412
    assert [each["project_id"] for each in (await people.get("member", "/project/list")).json()] == ["x"]
    assert (await people.get("stranger", "/project/list")).json() == []
    gone = await people.send("team_admin", "DELETE", "/project/delete", project_ids=["x"])
    assert [each["project_id"] for each in gone.json()] == ["x"]
    assert (await people.get("admin", "/project/info", project_id="x")).status_code == 404


@pytest.mark.parametrize("who", ["stranger", "member", "user"])
async def test_foreign_projects_are_not_there(control: Rig, who: str) -> None:
    people = await cast(control)
    await people.post("admin", "/project/new", team_id="t", project_id="x")
    before = await dump(control)
    for method, path, body in (
        ("POST", "/project/new", {"team_id": "t"}),
        ("POST", "/project/update", {"project_id": "x", "max_budget": 1}),
        ("DELETE", "/project/delete", {"project_ids": ["x"]}),
    ):
        assert (await people.send(who, method, path, **body)).status_code in (403, 404), path
    if who != "member":
        assert (await people.get(who, "/project/info", project_id="x")).status_code in (403, 404)
    assert await dump(control) == before


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_budget": -1}, "max_budget"),
        ({"models": ["other"]}, "models"),
        ({"rpm_limit": 11}, "rpm_limit"),
        ({"guardrails": ["g"]}, "guardrails"),
        ({"nonsense": 1}, "nonsense"),
        ({"budget_id": "b"}, "budget_id"),
        ({"description": "x" * 5000}, "description"),
    ],
)
async def test_bad_input_changes_nothing(control: Rig, body: dict[str, Any], param: str) -> None:
    people = await cast(control)
    await control.post("/team/update", {"team_id": "t", "models": ["demo"], "rpm_limit": 10})
    await people.post("admin", "/project/new", team_id="t", project_id="x")
    before = await dump(control)
    for path, fixed in (("/project/new", {"team_id": "t"}), ("/project/update", {"project_id": "x"})):
        status, named = param_of(await people.post("team_admin", path, **(fixed | body)))
        assert (status in (400, 403), named) == (True, param)
    assert await dump(control) == before


async def test_a_project_with_keys_stays(control: Rig) -> None:
    people = await cast(control)
    await people.post("admin", "/project/new", team_id="t", project_id="x", rpm_limit=3)
    await people.post("admin", "/team/new", team_id="t2", organization_id="o")
    key = await control.generate(project_id="x")
    record = await control.directory.find(key["token"])
    assert record is not None
    assert (record.team_id, [limit.scope for limit in record.limits]) == ("t", ["requests:project:x:60s"])
    moved = await people.post("org_admin", "/project/update", project_id="x", team_id="t2")
    assert param_of(moved) == (400, "team_id")
    assert param_of(await people.send("admin", "DELETE", "/project/delete", project_ids=["x"])) == (400, "project_ids")
    await control.post("/key/delete", {"keys": [key["key"]]})
    assert param_of(await people.post("team_admin", "/project/update", project_id="x", team_id="t2")) == (
        404,
        "team_id",
    )
    assert (await people.post("org_admin", "/project/update", project_id="x", team_id="t2")).json()["team_id"] == "t2"


async def test_a_blocked_project_stops_its_keys(control: Rig) -> None:
    people = await cast(control)
    await people.post("admin", "/project/new", team_id="t", project_id="x")
    key = await control.generate(project_id="x")
    assert (await control.get("/key/info", headers=bearer(key["key"]))).status_code == 200
    await people.post("admin", "/project/update", project_id="x", blocked=True)
    refused = await control.get("/key/info", headers=bearer(key["key"]))
    assert (refused.status_code, "Project of this key is blocked" in refused.text) == (401, True)
