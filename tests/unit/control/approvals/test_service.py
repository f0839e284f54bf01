from __future__ import annotations

import itertools

import pytest
from tests.unit.control.accounts import key_of
from tests.unit.control.rig import Rig

from phantom_gateway.control.approvals.service import MOST_OPEN


@pytest.mark.parametrize("decision", ["approve", "refuse", "withdraw"])
async def test_what_is_decided_is_decided(control: Rig, decision: str) -> None:
    """Whatever comes second finds the request closed, and changes nothing."""
    eve = await key_of(control, "eve", max_budget=5)
    asked = (await control.post("/approval/new", {"max_budget": 9}, eve)).json()
    who = eve if decision == "withdraw" else None
    assert (await control.post(f"/approval/{decision}", {"id": asked["id"]}, who)).status_code == 200
    budget = (await control.get("/v2/user/info", user_id="eve")).json()["max_budget"]
    assert budget == (9 if decision == "approve" else 5)
    for second in ("approve", "refuse", "withdraw"):
        answer = await control.post(f"/approval/{second}", {"id": asked["id"]}, eve if second == "withdraw" else None)
        assert answer.status_code == 409, answer.text
    assert (await control.get("/v2/user/info", user_id="eve")).json()["max_budget"] == budget


async def test_what_has_changed_meanwhile_is_never_made_less(control: Rig) -> None:
    eve = await key_of(control, "eve", max_budget=5, models=["a"])
    first = (await control.post("/approval/new", {"max_budget": 9, "models": ["b"]}, eve)).json()["id"]
    await control.post("/user/update", {"user_id": "eve", "max_budget": 20})
    refused = await control.post("/approval/approve", {"id": first})
    assert (refused.status_code, "as large already" in refused.text) == (409, True)
    granted = await control.post("/approval/approve", {"id": first, "max_budget": 30, "models": ["c"]})
    assert granted.json()["granted"] == {"max_budget": 30.0, "models": ["a", "c"]}, "as the administrator says"
    second = (await control.post("/approval/new", {"models": ["d"]}, eve)).json()["id"]
    await control.post("/user/update", {"user_id": "eve", "models": []})
    assert (await control.post("/approval/approve", {"id": second})).status_code == 409, (
        "a list of one would take all others"
    )
    nothing = await control.post("/approval/approve", {"id": second, "models": []})
    assert (nothing.status_code, nothing.json()["error"]["param"]) == (400, "models")
    assert (await control.get("/v2/user/info", user_id="eve")).json()["models"] == []


async def test_a_key_that_is_gone_gets_nothing(control: Rig) -> None:
    eve = await key_of(control, "eve")
    key = (await control.post("/key/generate", {"max_budget": 1}, eve)).json()["token"]
    asked = (await control.post("/approval/new", {"key": key, "max_budget": 2}, eve)).json()["id"]
    await control.post("/key/delete", {"keys": [key]})
    assert (await control.post("/approval/approve", {"id": asked})).status_code == 409
    assert (await control.post("/approval/refuse", {"id": asked, "note": "gone"})).json()["note"] == "gone"
    await control.post("/user/delete", {"user_ids": ["eve"]})
    assert (await control.get("/approval/list")).json()["total_count"] == 0, "what somebody asked for goes with him"


async def test_nobody_floods_the_inbox(control: Rig) -> None:
    eve = await key_of(control, "eve", max_budget=1)
    for amount in range(2, MOST_OPEN + 2):
        assert (await control.post("/approval/new", {"max_budget": amount}, eve)).status_code == 200
    assert (await control.post("/approval/new", {"max_budget": 99}, eve)).status_code == 409
    listed = (await control.get("/approval/list", eve, size=1)).json()["approvals"][0]
    assert (await control.post("/approval/withdraw", {"id": listed["id"]}, eve)).status_code == 200
    assert (await control.post("/approval/new", {"max_budget": 99}, eve)).status_code == 200


async def test_of_two_administrators_the_second_learns_of_the_first(control: Rig) -> None:
    eve = await key_of(control, "eve", max_budget=1)
    asked = (await control.post("/approval/new", {"max_budget": 3}, eve)).json()["id"]
    tag = (await control.get("/approval/info", id=asked)).headers["etag"]
    root = await key_of(control, "root", user_role="proxy_admin")
    codes = []
    for path, who in itertools.product(("approve", "refuse"), (root, root)):
        answer = await control.post(f"/approval/{path}", {"id": asked}, {**who, "if-match": tag})
        codes.append(answer.status_code)
    assert codes == [200, 412, 412, 412]
