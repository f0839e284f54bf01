from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.accounts import key_of, make, member, organisation, write
from tests.unit.control.rig import Rig, bearer


async def test_a_request_is_made_seen_approved_and_audited(control: Rig) -> None:
    eve = await key_of(control, "eve", max_budget=5, models=["small"])
    made = await control.post(
        "/approval/new", {"max_budget": 50, "models": ["large", "small"], "reason": "<b>demo</b>"}, eve
    )
    assert made.status_code == 200, made.text
    asked = made.json()
    assert (asked["state"], asked["models"], asked["max_budget"], asked["reason"]) == (
        "open",
        ["large"],
        50,
        "<b>demo</b>",
    )
    assert asked["present"] == {"max_budget": 5.0, "budget_duration": None, "models": ["small"]}
    assert (await control.get("/approval/list", state="open")).json()["total_count"] == 1
    tag = (await control.get("/approval/info", eve, id=asked["id"])).headers["etag"]
    done = await control.http.post(
        "/approval/approve",
        json={"id": asked["id"], "note": "go on"},
        headers={**await key_of(control, "root", user_role="proxy_admin"), "if-match": tag},
    )
    assert done.status_code == 200, done.text
    assert done.headers["etag"] != tag
    assert (done.json()["state"], done.json()["note"], done.json()["decided_by"]) == ("approved", "go on", "root")
    user = (await control.get("/v2/user/info", user_id="eve")).json()
    assert (user["max_budget"], user["models"]) == (50, ["small", "large"])
    records = (await control.get("/audit", page_size=5)).json()["audit_logs"]
    assert [(each["event"], each["actor"]) for each in records[:2]] == [
        ("approval.approved", "root"),
        ("user.updated", "root"),
    ]
    assert (await control.get("/approval/list", state="open")).json()["approvals"] == []


async def test_requests_are_seen_and_decided_by_whom_they_concern(control: Rig) -> None:
    """Of a key in a team its administrator decides, within what he may set; of a person an administrator of the gateway."""
    for name in ("ann", "bob", "tom", "olga", "stranger"):
        await make(control, name, max_budget=5, auto_create_key=False)
    people = {
        name: bearer((await control.generate(user_id=name))["key"])
        for name in ("ann", "bob", "tom", "olga", "stranger")
    }
    await write(control, lambda connection: organisation(connection, "o", "olga"))
    for name, role in (("ann", "user"), ("tom", "admin")):
        await write(control, lambda connection, name=name, role=role: member(connection, "o", name, role))  # type: ignore[misc]
    key = (await control.generate(user_id="ann", team_id="o", max_budget=1, key_alias="of-ann"))["token"]
    of_key = (await control.post("/approval/new", {"key": key, "max_budget": 2}, people["ann"])).json()["id"]
    of_user = (await control.post("/approval/new", {"max_budget": 9}, people["ann"])).json()["id"]
    seen = {
        name: {each["id"] for each in (await control.get("/approval/list", who)).json()["approvals"]}
        for name, who in people.items()
    }
    assert seen == {"ann": {of_key, of_user}, "bob": set(), "tom": {of_key}, "olga": {of_key}, "stranger": set()}
    for name, path in (("bob", "approve"), ("stranger", "refuse"), ("ann", "approve")):
        assert (await control.post(f"/approval/{path}", {"id": of_key}, people[name])).status_code in (403, 404)
    for name in ("tom", "olga"):
        assert (await control.post("/approval/approve", {"id": of_user}, people[name])).status_code == 404
        assert (await control.get("/approval/info", people[name], id=of_user)).status_code == 404
    assert (await control.post("/approval/withdraw", {"id": of_key}, people["tom"])).status_code in (403, 404)
    done = await control.post("/approval/approve", {"id": of_key}, people["tom"])
    assert done.status_code == 200, done.text
    assert (await control.get("/key/info", key=key)).json()["info"]["max_budget"] == 2


async def test_who_decides_must_be_allowed_to_set_it(control: Rig) -> None:
    await control.post("/role/new", {"role": "yes-sayer", "grants": {"approval.read": "all", "approval.decide": "all"}})
    sayer = await key_of(control, "sam", user_role="yes-sayer")
    eve = await key_of(control, "eve", max_budget=1)
    asked = (await control.post("/approval/new", {"max_budget": 2}, eve)).json()["id"]
    answer = await control.post("/approval/approve", {"id": asked}, sayer)
    assert answer.status_code == 403, answer.text
    assert (await control.get("/approval/info", id=asked)).json()["state"] == "open"
    assert (await control.get("/v2/user/info", user_id="eve")).json()["max_budget"] == 1


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_budget": 5}, "max_budget"), ({"max_budget": 1}, "max_budget"), ({"models": ["m"]}, "models"), ({}, ""),
        ({"max_budget": 9, "key": "f" * 64}, "key"), ({"max_budget": 9, "key": "' OR 1=1 --"}, "key"),
        ({"max_budget": -1}, "max_budget"), ({"max_budget": 1e30}, "max_budget"), ({"max_budget": 9, "state": "approved"}, "state"),
    ],
)  # fmt: skip
async def test_bad_requests_name_the_field_and_leave_nothing(control: Rig, body: dict[str, Any], param: str) -> None:
    eve = await key_of(control, "eve", max_budget=5, models=["m"])
    answer = await control.post("/approval/new", body, eve)
    assert answer.status_code in (400, 404, 422), answer.text
    assert param in str(answer.json()["error"]["param"])
    assert (await control.get("/approval/list")).json()["total_count"] == 0


async def test_others_keys_and_no_person_cannot_be_asked_for(control: Rig) -> None:
    eve = await key_of(control, "eve", max_budget=5)
    foreign = (await control.generate(user_id="eve", max_budget=1))["token"]
    bob = await key_of(control, "bob", max_budget=5)
    assert (await control.post("/approval/new", {"key": foreign, "max_budget": 9}, bob)).status_code == 404
    assert (await control.post("/approval/new", {"max_budget": 9})).status_code == 400, "the master key is nobody"
    open_list = (await control.generate(user_id="eve"))["token"]
    answer = await control.post("/approval/new", {"key": open_list, "models": ["m"]}, eve)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "models"), (
        "a key without a list has all models"
    )
    for path in ("approve", "refuse"):
        assert (await control.post(f"/approval/{path}", {"id": "nothing"})).status_code == 404
