from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.accounts import PASSWORD, key_of, make, member, organisation, write
from tests.unit.control.rig import ADMIN, Rig, bearer

from phantom_gateway.control.people_settings import NewUser, PeopleSettings
from phantom_gateway.store import tenants


async def info(control: Rig, user_id: str) -> dict[str, Any]:
    answer = await control.get("/user/info", user_id=user_id)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_new_user_has_a_key_and_litellms_shape(control: Rig) -> None:
    body = {
        "user_id": "ada", "user_email": "Ada@Example.com", "user_alias": "Ada", "max_budget": 5, "budget_duration": "30d",
        "models": ["demo"], "metadata": {"floor": 3}, "key_alias": "first", "duration": "30d", "password": PASSWORD,
    }  # fmt: skip
    answer = await control.post("/user/new", body)
    assert answer.status_code == 200, answer.text
    user = answer.json()
    assert user["key"].startswith("sk-ph-")
    assert (user["user_id"], user["user_email"], user["user_role"]) == ("ada", "ada@example.com", "internal_user")
    assert (user["max_budget"], user["budget_duration"], user["key_alias"]) == (5, "30d", "first")
    assert "password" not in answer.text.replace("has_password", "").replace("password_reset_required", "")
    assert "argon2" not in answer.text
    assert (await control.get("/key/info", bearer(user["key"]))).json()["info"]["user_id"] == "ada"
    shown = await info(control, "ada")
    assert shown["user_info"]["metadata"] == {"floor": 3}
    assert [key["key_alias"] for key in shown["keys"]] == ["first"]
    flat = (await control.get("/v2/user/info", user_id="ada")).json()
    assert (flat["user_id"], flat["teams"], flat["spend"]) == ("ada", [], 0.0)


async def test_without_a_key(control: Rig) -> None:
    user = (await control.post("/user/new", {"auto_create_key": False})).json()
    assert user["key"] is None
    assert len(user["user_id"]) == 36
    assert (await info(control, user["user_id"]))["keys"] == []


async def test_who_asks_without_a_name_sees_himself(control: Rig) -> None:
    ada = await key_of(control, "ada")
    assert (await control.get("/user/info", ada)).json()["user_id"] == "ada"
    assert (await control.get("/v2/user/info", ada)).json()["user_id"] == "ada"
    assert (await control.get("/user/info")).json() == {
        "user_id": "default_user_id", "user_info": None, "keys": [], "teams": [],
    }  # fmt: skip
    assert (await control.post("/user/new", {"user_id": "default_user_id"})).status_code == 400


async def test_others_are_not_there(control: Rig) -> None:
    ada = await key_of(control, "ada")
    await make(control, "eve")
    for path in ("/user/info", "/v2/user/info"):
        answer = await control.get(path, ada, user_id="eve")
        unknown = await control.get(path, ada, user_id="nobody")
        assert (answer.status_code, answer.content) == (404, unknown.content)
    assert [user["user_id"] for user in (await control.get("/user/list", ada)).json()["users"]] == ["ada"]
    assert (await control.post("/user/update", {"user_id": "eve", "user_alias": "x"}, ada)).status_code == 404
    assert (await control.post("/user/delete", {"user_ids": ["eve"]}, ada)).status_code == 403


OWN = {"user_alias": "Countess", "metadata": {"likes": "engines"}}
NOT_OWN: dict[str, Any] = {
    "user_role": "proxy_admin", "max_budget": 1000, "soft_budget": 1, "budget_duration": "1d", "budget_id": "big",
    "budget_limits": [{"budget_duration": "7d", "max_budget": 9}], "models": ["gpt"], "rpm_limit": 9, "tpm_limit": 9,
    "tpd_limit": 9, "max_parallel_requests": 9, "model_max_budget": {"gpt": {"max_budget": 9}}, "model_rpm_limit": {"gpt": 9},
    "model_tpm_limit": {"gpt": 9}, "blocked": True, "user_email": "eve@example.com", "password": PASSWORD,
    "permissions": {"all": True}, "config": {"x": 1}, "agent_id": "a",
}  # fmt: skip


LIMITED: dict[str, Any] = {"max_budget": 1, "models": ["demo"], "rpm_limit": 5, "user_email": "ada@example.com"}


async def test_what_one_may_change_of_oneself(control: Rig) -> None:
    ada = await key_of(control, "ada")
    done = await control.post("/user/update", {"user_id": "ada", **OWN}, ada)
    assert done.status_code == 200, done.text
    assert done.json()["data"] | OWN == done.json()["data"]


@pytest.mark.parametrize("name", NOT_OWN)
async def test_what_one_may_not_change_of_oneself(control: Rig, name: str) -> None:
    ada = await key_of(control, "ada", **LIMITED)
    before = await info(control, "ada")
    for value in (NOT_OWN[name], None):
        answer = await control.post("/user/update", {"user_id": "ada", "user_alias": "x", name: value}, ada)
        assert (answer.status_code, answer.json()["error"]["param"]) == (403, name)
    assert await info(control, "ada") == before, "nothing of it was done"


@pytest.mark.parametrize(
    ("name", "value"), [("models", []), ("budget_limits", []), ("model_max_budget", {}), ("rpm_limit", 0)]
)
async def test_nobody_takes_ones_own_limits_away(control: Rig, name: str, value: Any) -> None:
    ada = await key_of(control, "ada", **LIMITED)
    answer = await control.post("/user/update", {"user_id": "ada", name: value}, ada)
    assert (answer.status_code, answer.json()["error"]["param"]) == (403, name)


async def test_an_administrator_may_change_all_of_it(control: Rig) -> None:
    await make(control, "ada")
    await write(
        control,
        lambda connection: tenants.BUDGETS.insert(
            connection, tenants.BudgetRow(id="big", created_at=0.0, updated_at=0.0)
        ),
    )
    for name, value in NOT_OWN.items():
        answer = await control.post("/user/update", {"user_id": "ada", name: value})
        assert answer.status_code == 200, (name, answer.text)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_budget", -1), ("max_budget", "1"), ("max_budget", 1e12), ("budget_duration", "soon"), ("rpm_limit", -1),
        ("user_role", "emperor"), ("user_role", ""), ("user_email", "nobody"), ("user_email", "a b@c"), ("user_id", ""),
        ("user_id", "a\x00b"), ("password", "short"), ("password", "aaaaaaaaaaaaaaaa"), ("password", "x" * 2000),
        ("password", "password1234"), ("teams", ["none"]), ("organizations", ["none"]), ("guardrails", ["g"]),
        ("spend", 5), ("teams", ["t"] * 101), ("metadata", {"a": "b" * 70_000}), ("nonsense", 1),
    ],
)  # fmt: skip
async def test_bad_input(control: Rig, field: str, value: Any) -> None:
    answer = await control.post("/user/new", {"user_alias": "x", field: value})
    assert answer.status_code in (400, 404), answer.text
    assert answer.json()["error"]["param"].startswith(field)
    assert (await control.get("/user/list")).json()["total"] == 0


@pytest.mark.parametrize("text", ["'; DROP TABLE users; --", "100%", "a_b", "\\", '"x"'])
async def test_odd_names_are_names(control: Rig, text: str) -> None:
    await make(control, text, user_alias=text)
    await make(control, "axb", user_alias="1000")
    assert (await info(control, text))["user_info"]["user_alias"] == text
    found = (await control.get("/user/list", search=text)).json()
    assert [user["user_id"] for user in found["users"]] == [text]


async def test_names_are_given_once(control: Rig) -> None:
    await make(control, "ada", user_email="ada@example.com", sso_user_id="s1")
    for field, value in (("user_id", "ada"), ("user_email", "ADA@example.com"), ("sso_user_id", "s1")):
        answer = await control.post("/user/new", {field: value})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field)
    await make(control, "eve@example.com")
    answer = await control.post("/user/update", {"user_id": "ada", "user_email": "eve@example.com"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "user_email"), "eve signs in by that"


async def test_two_administrators_at_once(control: Rig) -> None:
    await make(control, "ada")
    tag = (await control.get("/user/info", user_id="ada")).headers["etag"]
    for status in (200, 412):
        headers = {**ADMIN, "if-match": tag}
        answer = await control.post("/user/update", {"user_id": "ada", "rpm_limit": status}, headers)
        assert answer.status_code == status
    assert (await info(control, "ada"))["user_info"]["rpm_limit"] == 200


async def test_deleting_takes_everything_along(control: Rig) -> None:
    ada = await key_of(control, "ada")
    await make(control, "eve")
    missing = await control.post("/user/delete", {"user_ids": ["ada", "nobody"]})
    assert missing.status_code == 404
    assert (await control.get("/user/info", ada)).status_code == 200, "all of them or none"
    assert (await control.post("/user/delete", {"user_ids": ["ada", "ada"]})).json() == {"deleted_users": 1}
    assert (await control.get("/user/info", ada)).status_code == 401
    assert (await control.get("/user/info", user_id="ada")).status_code == 404
    assert [user["user_id"] for user in (await control.get("/user/list")).json()["users"]] == ["eve"]


async def test_lists_filter_sort_and_page(control: Rig) -> None:
    for index, name in enumerate(("ada", "bob", "eve")):
        await make(control, name, user_email=f"{name}@example.com", max_budget=index, auto_create_key=False)
    await control.post("/user/update", {"user_id": "eve", "user_role": "internal_user_viewer"})

    async def listed(**query: Any) -> list[str]:
        answer = await control.get("/user/list", **query)
        assert answer.status_code == 200, answer.text
        return [user["user_id"] for user in answer.json()["users"]]

    assert await listed() == ["eve", "bob", "ada"]
    assert await listed(sort_by="user_email") == ["ada", "bob", "eve"]
    assert await listed(sort_by="spend", sort_order="desc") == ["eve", "bob", "ada"]
    assert await listed(role="internal_user_viewer") == ["eve"]
    assert await listed(user_ids="ada, eve", sort_by="user_id") == ["ada", "eve"]
    assert await listed(user_email="BOB@") == ["bob"]
    assert await listed(team="none") == await listed(organization_ids="none") == await listed(sso_user_ids="s") == []
    assert await listed(page=2, page_size=2) == ["ada"]
    whole = (await control.get("/user/list", page_size=2)).json()
    assert (whole["total"], whole["total_pages"], whole["page_size"]) == (3, 2, 2)
    for query in ({"page": 0}, {"page_size": 101}, {"sort_by": "password_hash"}, {"nonsense": 1}):
        assert (await control.get("/user/list", **query)).status_code == 400


async def test_bulk_updates_answer_for_each(control: Rig) -> None:
    await make(control, "ada")
    await make(control, "bob")
    users = [
        {"user_id": "ada", "rpm_limit": 7},
        {"user_id": "nobody", "rpm_limit": 7},
        {"user_id": "bob", "user_role": "x"},
    ]
    done = (await control.post("/user/bulk_update", {"users": users})).json()
    assert [each["success"] for each in done["results"]] == [True, False, False]
    assert (done["total_requested"], done["successful_updates"], done["failed_updates"]) == (3, 1, 2)
    everybody = await control.post("/user/bulk_update", {"all_users": True, "user_updates": {"tpm_limit": 9}})
    assert everybody.json()["successful_updates"] == 2
    assert (await info(control, "bob"))["user_info"]["tpm_limit"] == 9
    for body in (
        {},
        {"all_users": True},
        {"users": [], "all_users": True},
        {"all_users": True, "user_updates": {"password": "x"}},
    ):
        assert (await control.post("/user/bulk_update", body)).status_code == 400
    ada = bearer((await control.generate(user_id="ada"))["key"])
    own = await control.post(
        "/user/bulk_update", {"all_users": True, "user_updates": {"user_role": "proxy_admin"}}, ada
    )
    assert own.status_code == 403
    assert (await info(control, "ada"))["user_info"]["user_role"] == "internal_user"


async def test_what_the_configuration_gives_new_users(control: Rig) -> None:
    await write(control, lambda connection: organisation(connection, "o", "ada"))
    defaults = NewUser(
        role="internal_user_viewer", models=("demo",), teams=("o", "gone"), max_budget_nano=3_000_000_000, budget_duration="7d",
        rpm_limit=5,
    )  # fmt: skip
    control.services.configuration.people = PeopleSettings(new_user=defaults)
    await make(control, "ada")
    user = (await info(control, "ada"))["user_info"]
    assert (user["user_role"], user["models"], user["teams"]) == ("internal_user_viewer", ["demo"], ["o"])
    assert (user["max_budget"], user["budget_duration"], user["rpm_limit"]) == (3, "7d", 5)
    await make(control, "bob", user_role="internal_user", max_budget=1, teams=[], rpm_limit=9)
    user = (await info(control, "bob"))["user_info"]
    assert (user["max_budget"], user["budget_duration"], user["rpm_limit"], user["teams"]) == (1, None, 9, [])
    await make(control, "root", user_role="proxy_admin")
    assert (await info(control, "root"))["user_info"]["max_budget"] is None


async def test_an_organisations_administrator_makes_people_at_home(control: Rig) -> None:
    chief = await key_of(control, "chief", max_budget=10, budget_duration="30d", models=["demo"])
    await write(control, lambda connection: organisation(connection, "home", "chief"))
    await make(control, "stranger")
    await write(control, lambda connection: organisation(connection, "abroad", "stranger"))

    async def attempt(**fields: Any) -> tuple[int, str | None]:
        answer = await control.post("/user/new", {"user_id": "new", **fields}, chief)
        return answer.status_code, None if answer.status_code == 200 else answer.json()["error"]["param"]

    assert await attempt() == (400, "organizations")
    assert await attempt(organizations=["abroad"]) == (404, "organizations")
    assert await attempt(organizations=["home", "abroad"]) == (404, "organizations")
    assert await attempt(organizations=["home"], teams=["abroad"]) == (404, "teams")
    assert await attempt(organizations=["home"], team_id="abroad") == (404, "team_id")
    assert await attempt(organizations=["home"], max_budget=1000) == (403, "max_budget")
    for role in ("proxy_admin", "proxy_admin_viewer"):
        assert await attempt(organizations=["home"], user_role=role) == (403, "user_role")
    assert (await control.get("/user/info", user_id="new")).status_code == 404
    await control.generate(user_id="ghost")
    assert await attempt(user_id="ghost", organizations=["home"]) == (400, "user_id"), "a key names it already"
    assert await attempt(organizations=["home"], teams=[{"team_id": "home", "max_budget_in_team": 1}]) == (200, None)
    user = await info(control, "new")
    assert (user["user_info"]["max_budget"], user["user_info"]["models"]) == (10, ["demo"]), "no more than who made him"
    assert user["keys"][0]["organization_id"] == "home"
    assert (await control.get("/user/info", chief, user_id="new")).status_code == 200
    assert (await control.get("/user/info", chief, user_id="stranger")).status_code == 404


async def test_a_teams_administrator_sees_the_teams_share(control: Rig) -> None:
    lead = await key_of(control, "lead")
    await make(control, "ada", key_alias="private")
    await write(control, lambda connection: organisation(connection, "t", "nobody"))
    await write(control, lambda connection: member(connection, "t", "lead", "admin"))
    await write(control, lambda connection: member(connection, "t", "ada"))
    await control.generate(user_id="ada", team_id="t", key_alias="shared")
    shown = (await control.get("/user/info", lead, user_id="ada")).json()
    assert [key["key_alias"] for key in shown["keys"]] == ["shared"]
    assert [team["team_id"] for team in shown["teams"]] == ["t"]


async def test_roles_and_seats(control: Rig) -> None:
    await make(control, "ada")
    roles = (await control.get("/user/available_roles")).json()
    assert {"proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"} <= roles.keys()
    assert all({"description", "ui_label"} == each.keys() for each in roles.values())
    assert (await control.get("/user/available_users")).json() == {
        "total_users": None, "total_users_used": 1, "total_users_remaining": None,
    }  # fmt: skip


@pytest.mark.parametrize(
    "confined", [{"allowed_routes": ["/user/*", "/invitation/*"]}, {"duration": "1h"}, {"key_type": "management"}]
)
async def test_a_confined_key_of_an_administrator_makes_no_unconfined_one(
    control: Rig, confined: dict[str, Any]
) -> None:
    await control.post("/user/new", {"user_id": "root", "user_role": "proxy_admin", "auto_create_key": False})
    await control.post("/user/new", {"user_id": "ada", "auto_create_key": False})
    key = (await control.post("/key/generate", {"user_id": "root", **confined})).json()["key"]
    for path, body, param in (
        ("/user/new", {"user_id": "more", "user_role": "proxy_admin"}, "user_role"),
        ("/user/update", {"user_id": "ada", "user_role": "proxy_admin"}, "user_role"),
        ("/user/update", {"user_id": "root", "password": "a long enough passphrase 7"}, "password"),
        ("/invitation/new", {"user_id": "root"}, "user_id"),
    ):
        answer = await control.post(path, body, bearer(key))
        assert (answer.status_code, answer.json()["error"]["param"]) == (403, param), (path, answer.text)
    assert (await control.post("/user/new", {"user_id": "new"}, bearer(key))).status_code == 200


async def test_budgets_that_are_not_there_are_refused(control: Rig) -> None:
    new = await control.post("/user/new", {"user_id": "u", "budget_id": "no-such"})
    assert (new.status_code, new.json()["error"]["param"]) == (404, "budget_id")
    assert (await control.post("/user/new", {"user_id": "u"})).status_code == 200
    changed = await control.post("/user/update", {"user_id": "u", "budget_id": "no-such"})
    assert (changed.status_code, changed.json()["error"]["param"]) == (404, "budget_id")
    assert (await control.post("/budget/new", {"budget_id": "b", "max_budget": 1})).status_code == 200
    assert (await control.post("/user/update", {"user_id": "u", "budget_id": "b"})).status_code == 200
    assert (await control.get("/v2/user/info", user_id="u")).json()["budget_id"] == "b"


@pytest.mark.parametrize("bad", ["a/b", " a", "a ", "/"])
async def test_ids_of_what_is_new_stand_in_paths(control: Rig, bad: str) -> None:
    for path, field, body in (
        ("/user/new", "user_id", {}),
        ("/team/new", "team_id", {}),
        ("/organization/new", "organization_id", {"organization_alias": "o"}),
        ("/project/new", "project_id", {"team_id": "t"}),
        ("/budget/new", "budget_id", {}),
    ):
        answer = await control.post(path, {**body, field: bad})
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, field), answer.text
    await control.post("/team/new", {"team_id": "t"})
    member = {"team_id": "t", "member": {"user_id": bad, "role": "user"}}
    answer = await control.post("/team/member_add", member)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "user_id")
