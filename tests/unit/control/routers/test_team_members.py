from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.unit.control.people import Cast, cast, dump, param_of
from tests.unit.control.rig import Rig, bearer
from tests.unit.store.samples import closed

from phantom_gateway.ledger.record import Spend


async def member_of(people: Cast, user_id: str, team_id: str = "t") -> dict[str, Any]:
    """The membership as the administrator sees it."""
    found = (await people.get("admin", "/team/info", team_id=team_id)).json()
    (member,) = [each for each in found["team_memberships"] if each["user_id"] == user_id]
    shown: dict[str, Any] = member
    return shown


async def limits_of_key(control: Rig, token: str) -> dict[str, int]:
    """Scope to amount of all limits that hold for a key."""
    record = await control.directory.find(token)
    assert record is not None
    return {limit.scope: limit.amount for limit in record.limits}


async def test_add_one_and_several(control: Rig) -> None:
    people = await cast(control)
    body = {"member": {"user_id": "user", "role": "user"}, "max_budget_in_team": 2.5, "budget_duration": "1d"}
    answer = await people.post("admin", "/team/member_add", team_id="t", allowed_models=["demo"], **body)
    assert answer.status_code == 200, answer.text
    team = answer.json()
    assert team["members"] == ["member", "team_admin", "user"]
    assert [(each["user_id"], each["user_email"]) for each in team["updated_users"]] == [("user", "user@example.org")]
    (membership,) = team["updated_team_memberships"]
    table = membership["litellm_budget_table"]
    assert (table["max_budget"], table["budget_duration"], table["allowed_models"]) == (2.5, "1d", ["demo"])
    several = [{"user_email": "NEW@example.org", "role": "admin"}, {"user_id": "newer", "role": "user"}]
    answer = await people.post("admin", "/team/member_add", team_id="t", member=several)
    assert len(answer.json()["members"]) == 5
    again = await people.post(
        "admin", "/team/member_add", team_id="t", member=[{"user_email": "new@example.org", "role": "user"}]
    )
    assert param_of(again) == (400, "member")


async def test_all_or_none(control: Rig) -> None:
    people = await cast(control)
    before = await dump(control)
    named = [{"user_id": "brand-new", "role": "user"}, {"user_id": "member", "role": "user"}]
    assert param_of(await people.post("admin", "/team/member_add", team_id="t", member=named)) == (400, "member")
    assert await dump(control) == before


@pytest.mark.parametrize(
    ("who", "named", "status"),
    [
        ("org_admin", {"user_id": "unknown"}, 200),
        ("org_admin", {"user_email": "unknown@example.org"}, 200),
        ("team_admin", {"user_id": "unknown"}, 404),
        ("team_admin", {"user_email": "unknown@example.org"}, 404),
        ("team_admin", {"user_id": "user"}, 404),
        ("org_admin", {"user_email": "user@example.org"}, 404),
        ("team_admin", {"user_id": "org_admin"}, 200),
        ("team_admin", {"user_id": "stranger"}, 404),
        ("org_admin", {"user_email": "stranger@example.org"}, 404),
        ("admin", {"user_id": "stranger"}, 200),
        ("member", {"user_id": "user"}, 403),
        ("stranger", {"user_id": "user"}, 404),
    ],
)
async def test_who_may_bring_in_whom(control: Rig, who: str, named: dict[str, str], status: int) -> None:
    people = await cast(control)
    before = await dump(control)
    answer = await people.post(who, "/team/member_add", team_id="t", member=named | {"role": "user"})
    assert answer.status_code == status, answer.text
    assert (await dump(control) == before) == (status != 200)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "user_id"),
        ({"user_id": "user", "user_email": "other@example.org"}, "user_email"),
        ({"user_id": "fresh", "user_email": "user@example.org"}, "user_email"),
        ({"user_id": "user", "max_budget_in_team": -1}, "max_budget_in_team"),
        ({"user_id": "user", "budget_duration": "1d"}, "budget_duration"),
        ({"user_id": "user", "max_budget_in_team": 11.0}, "max_budget_in_team"),
        ({"user_id": "user", "allowed_models": ["other"]}, "allowed_models"),
        ({"user_id": "user", "nonsense": 1}, "nonsense"),
    ],
)
async def test_bad_input_changes_nothing(control: Rig, body: dict[str, Any], param: str) -> None:
    people = await cast(control)
    await control.post("/team/update", {"team_id": "t", "max_budget": 10, "models": ["demo"]})
    before = await dump(control)
    who = {name: body[name] for name in ("user_id", "user_email") if name in body} | {"role": "user"}
    rest = {name: value for name, value in body.items() if name not in who}
    answer = await people.post("admin", "/team/member_add", team_id="t", member=who, **rest)
    assert param_of(answer) == (400, param), answer.text
    assert await dump(control) == before


async def test_roles_and_addresses_are_checked(control: Rig) -> None:
    people = await cast(control)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"user_id": "u", "role": "owner"}, "member.0.role"),
        ({"user_id": "u"}, "member.0.role"),
        ({"user_email": "no-address", "role": "user"}, "member.0.user_email"),
        ({"user_id": "", "role": "user"}, "member.0.user_id"),
    ]
    for member, param in wrong:
        assert param_of(await people.post("admin", "/team/member_add", team_id="t", member=member)) == (400, param)
    many = [{"user_id": f"u{n}", "role": "user"} for n in range(501)]
    assert (await people.post("admin", "/team/member_add", team_id="t", member=many)).status_code == 400
    assert (await people.post("admin", "/team/member_add", team_id="t", member=[])).status_code == 400


async def test_many_each_by_himself(control: Rig) -> None:
    people = await cast(control)
    named = [{"user_id": "user", "role": "user"}, {"user_id": "member", "role": "user"}, {"user_id": "x", "role": "user"},
             {"user_id": "y", "user_email": "user@example.org", "role": "user"}]  # fmt: skip
    found = (await people.post("admin", "/team/bulk_member_add", team_id="t", members=named)).json()
    assert (found["total_requested"], found["successful_additions"], found["failed_additions"]) == (4, 2, 2)
    assert [result["success"] for result in found["results"]] == [True, False, True, False]
    assert found["updated_team"]["members"] == ["member", "team_admin", "user", "x"]
    assert param_of(await people.post("team_admin", "/team/bulk_member_add", team_id="t", all_users=True)) == (
        403,
        "all_users",
    )
    assert param_of(await people.post("admin", "/team/bulk_member_add", team_id="t")) == (400, "members")
    everybody = (await people.post("admin", "/team/bulk_member_add", team_id="t", all_users=True)).json()
    assert everybody["failed_additions"] == 0
    assert {"stranger", "org_admin"} <= set(everybody["updated_team"]["members"])


async def test_update(control: Rig) -> None:
    people = await cast(control)
    body: dict[str, Any] = {
        "team_id": "t",
        "user_email": "MEMBER@example.org",
        "max_budget_in_team": 3.0,
        "rpm_limit": 4,
    }
    found = (await people.post("team_admin", "/team/member_update", **body)).json()
    assert (found["user_id"], found["max_budget_in_team"], found["rpm_limit"], found["role"]) == (
        "member",
        3.0,
        4,
        "user",
    )
    more = {"temp_budget_increase": 1.0, "temp_budget_expiry": "2999-01-01", "role": "admin"}
    found = (await people.post("admin", "/team/member_update", team_id="t", user_id="member", **more)).json()
    assert (found["temp_budget_increase"], found["role"], found["rpm_limit"]) == (1.0, "admin", 4)
    key = await control.generate(user_id="member", team_id="t")
    assert (await limits_of_key(control, key["token"]))["budget:member:t/member:"] == 4_000_000_000
    for wrong in ({"temp_budget_expiry": "soon"}, {"temp_budget_expiry": None}):
        answer = await people.post("admin", "/team/member_update", team_id="t", user_id="member", **wrong)
        assert param_of(answer) == (400, "temp_budget_expiry")
    cleared = {"max_budget_in_team": None, "temp_budget_increase": None, "temp_budget_expiry": None, "rpm_limit": None}
    found = (await people.post("admin", "/team/member_update", team_id="t", user_id="member", **cleared)).json()
    assert (found["max_budget_in_team"], found["rpm_limit"]) == (None, None)
    for user in ("user", "nobody", "stranger"):
        answer = await people.post("team_admin", "/team/member_update", team_id="t", user_id=user, role="admin")
        assert param_of(answer) == (404, "user_id")
    assert (
        await people.post("stranger", "/team/member_update", team_id="t", user_id="member", role="user")
    ).status_code == 404


async def test_defaults_hold_for_who_has_no_limits(control: Rig) -> None:
    people = await cast(control)
    key = await control.generate(user_id="member", team_id="t")
    assert await limits_of_key(control, key["token"]) == {}
    defaults = {"team_member_budget": 2.0, "team_member_budget_duration": "1d", "team_member_rpm_limit": 7}
    assert (await control.post("/team/update", {"team_id": "t"} | defaults)).status_code == 200
    assert await limits_of_key(control, key["token"]) == {
        "budget:member:t/member:1d": 2_000_000_000, "requests:member:t/member:60s": 7,
    }  # fmt: skip
    shown = (await member_of(people, "member"))["litellm_budget_table"]
    assert (shown["max_budget"], shown["rpm_limit"]) == (2.0, 7)
    own = {"team_id": "t", "user_id": "member", "max_budget_in_team": 5.0}
    assert (await control.post("/team/member_update", own)).status_code == 200
    assert (await limits_of_key(control, key["token"]))["budget:member:t/member:"] == 5_000_000_000
    reset = (await control.post("/team/t/member/member/reset_budget", {})).json()
    assert (reset["budget_source"], reset["budget_id"]) == ("team_default", None)
    assert (await limits_of_key(control, key["token"]))["budget:member:t/member:1d"] == 2_000_000_000


async def test_a_member_who_leaves_takes_no_key_along(control: Rig) -> None:
    people = await cast(control)
    of_team = await control.generate(user_id="member", team_id="t")
    own = people.keys["member"]
    answer = await people.post("team_admin", "/team/member_delete", team_id="t", user_email="member@example.org")
    assert answer.json()["members"] == ["team_admin"]
    assert (await control.get("/key/info", headers=bearer(of_team["key"]))).status_code == 401
    assert (await control.get("/key/info", headers=bearer(own))).status_code == 200
    assert (await people.get("member", "/team/info", team_id="t")).status_code in (403, 404)
    again = await people.post("team_admin", "/team/member_delete", team_id="t", user_id="member")
    assert param_of(again) == (404, "user_id")


async def test_what_was_spent_counts_for_a_new_budget_and_can_be_reset(control: Rig) -> None:
    people = await cast(control)
    key = await control.generate(user_id="member", team_id="t")
    journal = control.journal("w")
    spends = (Spend("budget:key:x:", 0.0, 1_500_000_000),)
    journal.append(closed(0, cost=1_500_000_000, key_id=key["token"], team_id="t", user_id="member", spends=spends))
    await control.ingestion.catch_up("w", 1)
    reset = "/team/t/member/member/reset_spend"
    assert param_of(await people.post("admin", reset, reset_to=0.0)) == (400, "user_id")
    body = {"team_id": "t", "user_id": "member", "max_budget_in_team": 2.0}
    assert (await people.post("team_admin", "/team/member_update", **body)).status_code == 200
    assert param_of(await people.post("team_admin", reset, reset_to=1.6)) == (400, "reset_to")
    found = (await people.post("team_admin", reset, reset_to=0.5)).json()
    assert (found["previous_spend"], found["spend"], found["max_budget"], found["budget_reset_at"]) == (
        1.5,
        0.5,
        2.0,
        None,
    )
    found = (await people.post("admin", reset, reset_to=0)).json()
    assert found["previous_spend"] == 0.5
    assert (await people.post("stranger", reset, reset_to=0)).status_code == 404
    await journal.close()


async def test_ones_own_membership(control: Rig) -> None:
    people = await cast(control)
    found = (await people.get("member", "/team/t/members/me")).json()
    assert (found["user_id"], found["role"], found["team_alias"], found["litellm_budget_table"]) == (
        "member", "user", "team t", None,
    )  # fmt: skip
    for who in ("stranger", "org_admin", "admin"):
        assert param_of(await people.get(who, "/team/t/members/me")) == (404, "team_id")


async def test_who_is_removed_at_the_same_moment_leaves_no_keys(control: Rig) -> None:
    key = bearer((await control.post("/user/new", {"user_id": "leaving"})).json()["key"])
    made = [control.post("/key/generate", {}, key) for _ in range(4)]
    removed = control.post("/user/delete", {"user_ids": ["leaving"]})
    answers = await asyncio.gather(made[0], removed, *made[1:])
    assert answers[1].status_code == 200
    assert {answer.status_code for answer in answers} <= {200, 401}
    assert (await control.get("/key/list", user_id="leaving")).json()["keys"] == []


async def test_a_member_who_may_regenerate_does_not_get_the_keys_of_others(control: Rig) -> None:
    people = await cast(control)
    permitted = {"team_id": "t", "team_member_permissions": ["/key/regenerate"]}
    assert (await control.post("/team/permissions_update", permitted)).status_code == 200
    joined = {"team_id": "t", "member": {"user_id": "user", "role": "user"}}
    assert (await control.post("/team/member_add", joined)).status_code == 200
    body = {"team_id": "t", "key_type": "llm_api"}
    for owner, status in (("user", 403), ("team_admin", 404)):
        foreign = (await control.post("/key/generate", body | {"user_id": owner})).json()["token"]
        answer = await people.post("member", "/key/regenerate", key=foreign)
        assert param_of(answer) == (status, "key"), answer.text
    own = (await control.post("/key/generate", body | {"user_id": "member"})).json()["token"]
    assert (await people.post("member", "/key/regenerate", key=own)).status_code == 200
