from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from tests.unit.control.accounts import STAMPS, key_of, make, member, organisation, write
from tests.unit.control.rig import ADMIN, Rig

from phantom_gateway.store import tenants

HELPDESK = {
    "role": "helpdesk",
    "description": "looks after people",
    "grants": {"user.read": "all", "user.update": "all"},
}


async def test_a_role_is_data(control: Rig) -> None:
    made = await control.post("/role/new", HELPDESK)
    assert made.status_code == 200, made.text
    assert made.json()["grants"] == HELPDESK["grants"]
    assert (await control.get("/role/info", role="helpdesk")).json()["description"] == "looks after people"
    listed = (await control.get("/role/list")).json()
    assert [role["role"] for role in listed["roles"]] == ["helpdesk"]
    assert "user.read" in listed["actions"]
    assert "role.write" not in listed["actions"]
    assert (await control.get("/user/available_roles")).json()["helpdesk"]["description"] == "looks after people"
    await make(control, "eve")
    helper = await key_of(control, "hal", user_role="helpdesk")
    assert (await control.get("/user/info", helper, user_id="eve")).status_code == 200
    changed = await control.post("/role/update", {"role": "helpdesk", "grants": {"user.read": "self"}})
    assert changed.json()["grants"] == {"user.read": "self"}
    assert (await control.get("/user/info", helper, user_id="eve")).status_code == 404, "in force at once"
    assert (await control.post("/user/update", {"user_id": "eve", "user_alias": "x"}, helper)).status_code == 403


async def test_a_custom_role_raises_nobody_above_itself(control: Rig) -> None:
    await control.post("/role/new", HELPDESK)
    await control.post("/role/new", {"role": "bookkeeper", "grants": {"spend.reset": "all"}})
    helper = await key_of(control, "hal", user_role="helpdesk")
    await make(control, "eve")
    await make(control, "root", user_role="proxy_admin")
    await make(control, "book", user_role="bookkeeper")
    for user_id in ("hal", "eve"):
        for role in ("proxy_admin", "proxy_admin_viewer", "bookkeeper"):
            answer = await control.post("/user/update", {"user_id": user_id, "user_role": role}, helper)
            assert (answer.status_code, answer.json()["error"]["param"]) == (403, "user_role")
    for user_id in ("root", "book"):
        answer = await control.post("/user/update", {"user_id": user_id, "password": "a password of mine"}, helper)
        assert (answer.status_code, answer.json()["error"]["param"]) == (403, "user_id"), (
            "a password is the whole person"
        )
    assert (await control.post("/user/update", {"user_id": "eve", "user_role": "helpdesk"}, helper)).status_code == 200


async def test_a_role_that_reaches_organisations(control: Rig) -> None:
    await control.post("/role/new", {"role": "clerk", "grants": {"user.read": "org", "user.update": "org"}})
    clerk = await key_of(control, "cleo", user_role="clerk")
    for name in ("near", "far", "chief"):
        await make(control, name)
    await write(control, partial(organisation, org_id="o", admin="chief"))
    row = tenants.OrganizationMemberRow(org_id="o", user_id="cleo", role="internal_user", **STAMPS)
    await write(control, partial(tenants.ORGANIZATION_MEMBERS.insert, row=row))
    await write(control, partial(member, team_id="o", user_id="near"))

    async def status(user_id: str, **fields: object) -> int:
        return (await control.post("/user/update", {"user_id": user_id, **fields}, clerk)).status_code

    assert await status("near", user_alias="Nearby", metadata={"floor": 1}) == 200
    for name, value in (("password", "a password of mine"), ("max_budget", 1), ("user_role", "internal_user_viewer")):
        assert await status("near", **{name: value}) == 403, name
    assert await status("far", user_alias="x") == 404


async def test_a_role_that_somebody_has_stays(control: Rig) -> None:
    await control.post("/role/new", HELPDESK)
    await control.post("/role/new", {"role": "free", "grants": {}})
    await make(control, "hal", user_role="helpdesk")
    answer = await control.post("/role/delete", {"roles": ["free", "helpdesk"]})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "roles")
    assert len((await control.get("/role/list")).json()["roles"]) == 2, "all of them or none"
    await control.post("/user/delete", {"user_ids": ["hal"]})
    assert (await control.post("/role/delete", {"roles": ["free", "helpdesk"]})).json() == {"deleted_roles": 2}
    assert (await control.post("/role/delete", {"roles": ["free"]})).status_code == 404


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("role", "proxy_admin"), ("role", "org_admin"), ("role", ""), ("role", "a b"), ("role", "x" * 65),
        ("grants", {"role.write": "all"}), ("grants", {"public": "all"}), ("grants", {"self": "all"}),
        ("grants", {"user.fly": "all"}),
        ("grants", {"user.read": "everything"}), ("grants", ["user.read"]), ("grants", None), ("power", 9),
    ],
)  # fmt: skip
async def test_bad_input(control: Rig, field: str, value: Any) -> None:
    answer = await control.post("/role/new", {"role": "r", "grants": {}, field: value})
    assert answer.status_code == 400
    assert answer.json()["error"]["param"].startswith(field)
    assert (await control.get("/role/list")).json()["roles"] == []


async def test_stale_and_double(control: Rig) -> None:
    await control.post("/role/new", HELPDESK)
    assert (await control.post("/role/new", HELPDESK)).json()["error"]["param"] == "role"
    tag = (await control.get("/role/info", role="helpdesk")).headers["etag"]
    for status in (200, 412):
        body = {"role": "helpdesk", "description": str(status)}
        assert (await control.post("/role/update", body, {**ADMIN, "if-match": tag})).status_code == status
    found = (await control.get("/role/info", role="helpdesk")).json()
    assert (found["description"], found["grants"]) == ("200", HELPDESK["grants"])
