from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.people import cast, dump, param_of
from tests.unit.control.rig import ADMIN, Rig, bearer

FIELDS: dict[str, Any] = {
    "organization_alias": "acme",
    "models": ["demo"],
    "max_budget": 10.5,
    "soft_budget": 5.0,
    "budget_duration": "30d",
    "rpm_limit": 1,
    "tpm_limit": 2,
    "tpd_limit": 3,
    "max_parallel_requests": 4,
    "model_rpm_limit": {"demo": 5},
    "model_tpm_limit": {"demo": 6},
    "metadata": {"a": 1},
}


async def test_new_info_update_delete(control: Rig) -> None:
    made = (await control.post("/organization/new", FIELDS | {"organization_id": "acme"})).json()
    assert {name: made[name] for name in FIELDS} == FIELDS
    assert (made["litellm_budget_table"]["max_budget"], made["members"], made["teams"]) == (10.5, [], [])
    assert param_of(await control.post("/organization/new", {"organization_id": "acme", "organization_alias": "b"})) == (
        400, "organization_id",
    )  # fmt: skip
    assert param_of(await control.post("/organization/new", {})) == (400, "organization_alias")
    answer = await control.get("/organization/info", organization_id="acme")
    assert answer.json() == made
    body = {"organization_id": "acme", "rpm_limit": None, "temp_budget_increase": 2, "temp_budget_expiry": "2999-01-01"}
    changed = await control.http.patch(
        "/organization/update", json=body, headers=ADMIN | {"if-match": answer.headers["etag"]}
    )
    assert (changed.json()["rpm_limit"], changed.json()["temp_budget_increase"]) == (None, 2.0)
    late = await control.http.patch(
        "/v2/organization/acme", json={"rpm_limit": 1}, headers=ADMIN | {"if-match": answer.headers["etag"]}
    )
    assert late.status_code == 412
    renamed = await control.http.patch("/v2/organization/acme", json={"organization_alias": "b"}, headers=ADMIN)
    assert renamed.json()["organization_alias"] == "b"
    some = await control.post("/organization/info", {"organizations": ["acme"]})
    assert [each["organization_id"] for each in some.json()] == ["acme"]
    gone = await control.http.request(
        "DELETE", "/organization/delete", json={"organization_ids": ["acme"]}, headers=ADMIN
    )
    assert [each["organization_id"] for each in gone.json()] == ["acme"]
    assert (await control.get("/organization/info", organization_id="acme")).status_code == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_budget": -1}, "max_budget"),
        ({"budget_duration": "never"}, "budget_duration"),
        ({"allowed_models": ["m"]}, "allowed_models"),
        ({"blocked": True}, "blocked"),
        ({"nonsense": 1}, "nonsense"),
        ({"temp_budget_increase": 1}, "temp_budget_expiry"),
        ({"models": ["m"] * 1001}, "models"),
    ],
)
async def test_bad_input_changes_nothing(control: Rig, body: dict[str, Any], param: str) -> None:
    await cast(control)
    before = await dump(control)
    assert param_of(await control.post("/organization/new", {"organization_alias": "x"} | body)) == (400, param)
    answer = await control.http.patch("/organization/update", json={"organization_id": "o"} | body, headers=ADMIN)
    assert param_of(answer) == (400, param)
    unknown = await control.post("/organization/new", {"organization_alias": "x", "budget_id": "nowhere"})
    assert param_of(unknown) == (404, "budget_id")
    assert await dump(control) == before


async def test_what_each_sees(control: Rig) -> None:
    people = await cast(control)
    joined = {"organization_id": "o", "member": {"user_id": "user", "role": "internal_user"}}
    assert (await people.post("admin", "/organization/member_add", **joined)).status_code == 200
    everything = (await people.get("org_admin", "/organization/info", organization_id="o")).json()
    assert ({each["user_id"] for each in everything["members"]}, everything["teams"][0]["team_id"]) == (
        {"org_admin", "user"}, "t",
    )  # fmt: skip
    plain = (await people.get("user", "/organization/info", organization_id="o")).json()
    assert ([each["user_id"] for each in plain["members"]], plain["teams"]) == (["user"], [])
    assert [each["organization_id"] for each in (await people.get("user", "/organization/list")).json()] == ["o"]
    for who in ("user", "org_admin"):
        assert (await people.get(who, "/organization/info", organization_id="p")).status_code == 404
        assert (await people.send(who, "POST", "/organization/info", organizations=["o", "p"])).status_code == 404
        assert (await people.get(who, "/organization/list", org_id="p")).json() == []
    assert (
        await people.get("stranger", "/organization/info", organization_id="p")
    ).status_code == 404  # of a team only
    assert len((await people.get("admin", "/organization/list")).json()) == 2
    assert len((await people.get("admin", "/organization/list", org_alias="ORG P")).json()) == 1
    assert (await people.get("admin", "/organization/list", org_alias="%")).json() == []


async def test_its_administrator_gives_it_nothing_more(control: Rig) -> None:
    people = await cast(control)
    await control.http.patch("/organization/update", json={"organization_id": "o", "max_budget": 5}, headers=ADMIN)
    for field, value in (("max_budget", 6), ("max_budget", None), ("budget_id", "b")):
        answer = await people.send("org_admin", "PATCH", "/organization/update", organization_id="o", **{field: value})
        assert param_of(answer) == (403, field)
    less = await people.send(
        "org_admin", "PATCH", "/organization/update", organization_id="o", max_budget=4, models=["demo"]
    )
    assert less.status_code == 200
    assert (await people.send("org_admin", "PATCH", "/organization/update", organization_id="p")).status_code == 404
    assert (await people.send("org_admin", "DELETE", "/organization/delete", organization_ids=["o"])).status_code == 403
    assert (await people.post("org_admin", "/organization/new", organization_alias="x")).status_code == 403


async def test_members(control: Rig) -> None:
    people = await cast(control)
    member = [
        {"user_email": "New@example.org", "role": "internal_user_viewer"},
        {"user_id": "user", "role": "org_admin"},
    ]
    none_of_his = await people.post("org_admin", "/organization/member_add", organization_id="o", member=member)
    assert param_of(none_of_his) == (404, "user_id")
    added = await people.post(
        "admin", "/organization/member_add", organization_id="o", member=member, max_budget_in_organization=2.0
    )
    assert added.status_code == 200, added.text
    assert [each["user_email"] for each in added.json()["updated_users"]] == ["new@example.org", "user@example.org"]
    roles = {each["user_email"]: each["user_role"] for each in added.json()["updated_organization_memberships"]}
    assert roles == {"new@example.org": "internal_user_viewer", "user@example.org": "org_admin"}
    assert (await people.get("user", "/organization/info", organization_id="o")).json()["teams"]
    again = await people.post("admin", "/organization/member_add", organization_id="o", member=member[1])
    assert param_of(again) == (400, "member")
    stranger = {"user_id": "stranger", "role": "internal_user"}
    assert param_of(await people.post("org_admin", "/organization/member_add", organization_id="o", member=stranger)) == (
        404, "user_id",
    )  # fmt: skip
    changed = await people.send(
        "org_admin", "PATCH", "/organization/member_update", organization_id="o", user_id="user", role="internal_user"
    )
    assert (changed.json()["user_role"], changed.json()["litellm_budget_table"]["max_budget"]) == ("internal_user", 2.0)
    wrong = await people.send(
        "admin", "PATCH", "/organization/member_update", organization_id="o", user_id="user", role="proxy_admin"
    )
    assert param_of(wrong) == (400, "role")
    gone = await people.send("admin", "DELETE", "/organization/member_delete", organization_id="o", user_id="user")
    assert gone.json()["user_id"] == "user"
    gone = await people.send("admin", "DELETE", "/organization/member_delete", organization_id="o", user_id="user")
    assert param_of(gone) == (404, "user_id")


async def test_a_members_budget_counts_for_his_keys(control: Rig) -> None:
    people = await cast(control)
    key = await control.generate(user_id="member", team_id="t")
    member = {"user_id": "member", "role": "internal_user"}
    body: dict[str, Any] = {"organization_id": "o", "member": member, "max_budget_in_organization": 3.0}
    assert (await people.post("admin", "/organization/member_add", **body)).status_code == 200
    record = await control.directory.find(key["token"])
    assert record is not None
    assert [(limit.scope, limit.amount) for limit in record.limits] == [("budget:org_member:o/member:", 3_000_000_000)]
    await control.http.patch("/organization/update", json={"organization_id": "o", "max_budget": 2}, headers=ADMIN)
    over = await people.send(
        "org_admin",
        "PATCH",
        "/organization/member_update",
        organization_id="o",
        user_id="member",
        max_budget_in_organization=2.5,
    )
    assert param_of(over) == (400, "max_budget_in_organization")


async def test_delete_takes_teams_and_keys_along(control: Rig) -> None:
    people = await cast(control)
    keys = [await control.generate(team_id="t"), await control.generate(organization_id="o")]
    refused = await people.send("admin", "DELETE", "/organization/delete", organization_ids=["o", "nowhere"])
    assert param_of(refused) == (404, "organization_ids")
    assert (await people.send("admin", "DELETE", "/organization/delete", organization_ids=["o"])).status_code == 200
    for key in keys:
        assert (await control.get("/key/info", headers=bearer(key["key"]))).status_code == 401
    assert [team["team_id"] for team in (await control.get("/team/list")).json()] == ["s"]
    assert (await control.get("/key/info", headers=bearer(people.keys["org_admin"]))).status_code == 200
    assert (await people.get("org_admin", "/organization/list")).status_code == 403
