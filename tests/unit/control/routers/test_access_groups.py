from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import ADMIN, Rig


@pytest.mark.parametrize("path", ["/v1/access_group", "/v1/unified_access_group"])
async def test_a_group_is_made_assigned_changed_and_deleted(control: Rig, path: str) -> None:
    key = await control.generate(models=["x"], key_alias="k")
    body = {"access_group_name": "g", "access_model_names": ["demo"], "assigned_key_ids": [key["token"]]}
    made = await control.post(path, body)
    assert (made.status_code, made.headers["etag"]) == (201, '"1"'), made.text
    group = made.json()["access_group_id"]
    assert made.json()["assigned_keys"] == [{"id": key["token"], "name": "k"}]
    assert (await control.get("/key/info", key=key["key"])).json()["info"]["access_group_ids"] == [group]
    changed = await control.http.put(f"{path}/{group}", json={"description": "d"}, headers=ADMIN)
    assert (changed.json()["description"], changed.json()["access_model_names"]) == ("d", ["demo"])
    assert (await control.get(f"{path}/{group}")).headers["etag"] == '"2"'
    assert [one["access_group_name"] for one in (await control.get(path)).json()] == ["g"]
    stale = await control.http.put(f"{path}/{group}", json={}, headers={**ADMIN, "if-match": '"1"'})
    assert stale.status_code == 412
    gone = await control.http.delete(f"{path}/{group}", headers=ADMIN)
    assert (gone.status_code, gone.content) == (204, b"")
    assert (await control.get(f"{path}/{group}")).status_code == 404


async def test_the_older_routes_name_models(control: Rig) -> None:
    made = await control.post("/access_group/new", {"access_group": "g", "model_ids": ["d1"]})
    assert made.status_code == 200, made.text
    assert made.json() == {"access_group": "g", "model_names": ["demo"], "model_ids": ["d1"], "models_updated": 1}
    shown = (await control.get("/access_group/g/info")).json()
    assert (shown["model_names"], shown["deployment_count"]) == (["demo"], 1)
    answer = await control.http.put("/access_group/g/update", json={"model_names": ["demo"]}, headers=ADMIN)
    assert answer.headers["etag"] == '"2"'
    assert [one["access_group"] for one in (await control.get("/access_group/list")).json()["access_groups"]] == ["g"]
    gone = await control.http.delete("/access_group/g/delete", headers=ADMIN)
    assert gone.json()["models_updated"] == 1
    assert (await control.get("/access_group/g/info")).status_code == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"access_group": "g"}, "model_names"),
        ({"access_group": "g", "model_names": ["nope"]}, "model_names"),
        ({"access_group": "g", "model_ids": ["nope"]}, "model_ids"),
        ({"access_group": "", "model_names": ["demo"]}, "access_group"),
        ({"access_group": "taken", "model_names": ["demo"]}, "access_group"),
        ({"access_group": "g", "model_names": ["demo"], "x": 1}, "x"),
    ],
)
async def test_bad_input_is_named_and_changes_nothing(control: Rig, body: dict[str, Any], param: str) -> None:
    await control.post("/v1/access_group", {"access_group_name": "taken"})
    before = (await control.get("/v1/access_group")).json()
    answer = await control.post("/access_group/new", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param), answer.text
    assert (await control.get("/v1/access_group")).json() == before


async def test_assignments_to_nobody_are_refused_whole(control: Rig) -> None:
    for field in ("assigned_team_ids", "assigned_key_ids"):
        answer = await control.post("/v1/access_group", {"access_group_name": "g", field: ["nowhere"]})
        assert (answer.status_code, answer.json()["error"]["param"]) == (404, field)
    assert (await control.get("/v1/access_group")).json() == []
