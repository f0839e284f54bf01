from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.control.people import cast, dump, param_of
from tests.unit.control.rig import ADMIN, Rig, bearer
from tests.unit.store.samples import key_row

from phantom_gateway.store import keys


async def made(control: Rig, **fields: Any) -> dict[str, Any]:
    answer = await control.post("/team/new", fields)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def info(control: Rig, team_id: str) -> dict[str, Any]:
    answer = await control.get("/team/info", team_id=team_id)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


FIELDS: dict[str, Any] = {
    "team_alias": "blue",
    "models": ["demo"],
    "max_budget": 10.5,
    "soft_budget": 5.0,
    "budget_duration": "30d",
    "budget_limits": [{"budget_duration": "1d", "max_budget": 1.0}],
    "rpm_limit": 1,
    "tpm_limit": 2,
    "tpd_limit": 3,
    "max_parallel_requests": 4,
    "model_max_budget": {"demo": {"max_budget": 2.0, "budget_duration": "1d"}},
    "model_rpm_limit": {"demo": 5},
    "model_tpm_limit": {"demo": 6},
    "tags": ["x"],
    "model_aliases": {"fast": "demo"},
    "access_group_ids": ["g"],
    "metadata": {"a": {"b": 1}},
    "team_member_permissions": ["/key/generate"],
    "team_member_budget": 2.5,
    "team_member_budget_duration": "1d",
    "team_member_rpm_limit": 7,
    "team_member_tpm_limit": 8,
    "default_team_member_models": ["demo"],
    "disable_global_guardrails": True,
    "blocked": True,
}


async def test_new_echoes_what_it_was_given(control: Rig) -> None:
    team = await made(control, team_id="t1", **FIELDS)
    shown = {name: team[name] for name in FIELDS} | {"budget_limits": FIELDS["budget_limits"]}
    assert shown == FIELDS
    assert [{**each, "reset_at": None} for each in team["budget_limits"]] == [
        {"budget_duration": "1d", "max_budget": 1.0, "reset_at": None}
    ]
    assert (team["team_id"], team["spend"], team["litellm_model_table"]) == (
        "t1",
        0.0,
        {"model_aliases": {"fast": "demo"}},
    )
    assert (await info(control, "t1"))["team_info"] == team


async def test_ids_are_made_and_taken_once(control: Rig) -> None:
    first, second = await made(control), await made(control)
    assert first["team_id"] != second["team_id"]
    again = await control.post("/team/new", {"team_id": first["team_id"]})
    assert param_of(again) == (400, "team_id")


async def test_members_of_a_new_team(control: Rig) -> None:
    roles = [{"user_id": "ada", "role": "admin"}, {"user_email": "Bob@Example.org", "role": "user"}]
    team = await made(control, members_with_roles=roles, members=["eve"])
    assert team["admins"] == ["ada"]
    assert {each["user_email"] for each in team["members_with_roles"]} == {None, "bob@example.org"}
    assert len(team["members"]) == 3
    twice = await control.post("/team/new", {"team_id": "x", "members": ["ada"], "admins": ["ada"]})
    assert param_of(twice) == (400, "members_with_roles")
    assert (await control.get("/team/info", team_id="x")).status_code == 404


async def test_update_changes_what_it_names(control: Rig) -> None:
    await made(control, team_id="t1", **FIELDS)
    answer = await control.post(
        "/team/update", {"team_id": "t1", "rpm_limit": 9, "tags": None, "team_member_budget": 3}
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["team_id"] == "t1"
    view = answer.json()["data"]
    assert (view["rpm_limit"], view["tags"], view["tpm_limit"]) == (9, [], 2)
    assert (view["team_member_budget"], view["team_member_budget_duration"], view["team_member_rpm_limit"]) == (
        3,
        "1d",
        7,
    )
    patched = await control.http.patch("/team/t1", json={"team_alias": "red"}, headers=ADMIN)
    assert (patched.json()["team_alias"], patched.json()["rpm_limit"]) == ("red", 9)
    assert param_of(await control.http.patch("/team/t1", json={"team_id": "t2"}, headers=ADMIN)) == (400, "team_id")


async def test_two_administrators_at_once(control: Rig) -> None:
    await made(control, team_id="t1")
    seen = (await control.get("/team/info", team_id="t1")).headers["etag"]
    match = ADMIN | {"if-match": seen}
    assert (await control.post("/team/update", {"team_id": "t1", "rpm_limit": 1}, headers=match)).status_code == 200
    late = await control.post("/team/update", {"team_id": "t1", "rpm_limit": 2}, headers=match)
    assert (late.status_code, (await info(control, "t1"))["team_info"]["rpm_limit"]) == (412, 1)
    for path, body in (
        ("/team/block", {"team_id": "t1"}),
        ("/team/delete", {"team_ids": ["t1"]}),
        ("/team/member_add", {"team_id": "t1", "member": {"user_id": "u", "role": "user"}}),
    ):
        assert (await control.post(path, body, headers=match)).status_code == 412, path


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"max_budget": -1}, "max_budget"),
        ({"rpm_limit": -1}, "rpm_limit"),
        ({"rpm_limit": "5"}, "rpm_limit"),
        ({"budget_duration": "1 fortnight"}, "budget_duration"),
        ({"team_member_budget_duration": "x"}, "team_member_budget_duration"),
        ({"team_member_budget_duration": "1d"}, "team_member_budget_duration"),
        ({"team_member_budget": -0.1}, "team_member_budget"),
        ({"team_member_key_duration": "1d"}, "team_member_key_duration"),
        ({"nonsense": 1}, "nonsense"),
        ({"guardrails": ["g"]}, "guardrails"),
        ({"object_permission": {"mcp_servers": ["m"]}}, "object_permission"),
        ({"models": ["m"] * 1001}, "models"),
        ({"organization_id": "nowhere"}, "organization_id"),
        ({"budget_id": "nowhere"}, "budget_id"),
        ({"team_alias": "a\x00b"}, "team_alias"),
        ({"metadata": {"a": "x" * 70_000}}, "metadata"),
        ({"budget_limits": [{"budget_duration": "1d", "max_budget": 1}] * 2}, "budget_limits"),
    ],
)  # fmt: skip
async def test_bad_input_changes_nothing(control: Rig, body: dict[str, Any], param: str) -> None:
    await made(control, team_id="t1")
    before = await dump(control)
    for path, fixed in (("/team/new", {"team_id": "t2"}), ("/team/update", {"team_id": "t1"})):
        status, named = param_of(await control.post(path, fixed | body))
        assert (status in (400, 404), named) == (True, param), path
    assert await dump(control) == before


async def test_sql_and_wildcards_are_text(control: Rig) -> None:
    hostile = "x'; DROP TABLE teams; --%_"
    await made(control, team_id=hostile, team_alias="100%")
    await made(control, team_id="other", team_alias="1000")
    assert (await info(control, hostile))["team_id"] == hostile
    for text, count in (("100%", 1), ("%", 1), ("_", 0), ("100", 2), ("' OR 1=1 --", 0)):
        assert (await control.get("/v2/team/list", team_alias=text)).json()["total"] == count, text
    assert (await control.get("/v2/team/list", search="x'", search_team_id_match="prefix")).json()["total"] == 1
    assert (await control.get("/v2/team/list", search="x%", search_team_id_match="prefix")).json()["total"] == 0
    for query in (
        {"sort_by": "created_at; DROP"},
        {"page_size": 101},
        {"page": 0},
        {"nonsense": 1},
        {"status": "deleted"},
    ):
        assert (await control.get("/v2/team/list", **query)).status_code == 400, query


async def test_lists_filter_sort_and_page(control: Rig) -> None:
    people = await cast(control)
    for name in ("b", "a", "c"):
        await made(control, team_id=name, team_alias=name, blocked=name == "c", members=["user"])
    mine: dict[str, Any] = {"user_id": "user"}
    page = (await control.get("/v2/team/list", sort_by="team_alias", page_size=2, **mine)).json()
    assert [team["team_id"] for team in page["teams"]] == ["a", "b"]
    assert (page["total"], page["page"], page["page_size"], page["total_pages"]) == (3, 1, 2, 2)
    assert page["teams"][0]["members_count"] == 1
    back = (
        await control.get("/v2/team/list", sort_by="team_alias", sort_order="desc", page=2, page_size=2, **mine)
    ).json()
    assert [team["team_id"] for team in back["teams"]] == ["a"]
    assert (await control.get("/v2/team/list", status="blocked")).json()["total"] == 1
    assert [team["team_id"] for team in (await control.get("/team/list", organization_id="o")).json()] == ["t"]
    assert {team["team_id"] for team in (await people.get("user", "/team/list")).json()} == {"a", "b", "c"}
    assert {team["team_id"] for team in (await people.get("org_admin", "/team/list")).json()} == {"t"}
    assert (await people.get("stranger", "/team/list", user_id="user")).json() == []


async def test_what_each_may_see_of_a_team(control: Rig) -> None:
    people = await cast(control)
    one = await control.generate(team_id="t", user_id="member")
    await control.generate(team_id="t")
    await control.post("/team/member_update", {"team_id": "t", "user_id": "team_admin", "max_budget_in_team": 3.0})
    seen: dict[str, tuple[int, int, int]] = {}
    for who in ("admin", "org_admin", "team_admin", "member"):
        found = (await people.get(who, "/team/info", team_id="t")).json()
        seen[who] = (len(found["team_info"]["members"]), len(found["team_memberships"]), len(found["keys"]))
    everything = (2, 2, 2)
    assert seen == {"admin": everything, "org_admin": everything, "team_admin": everything, "member": (2, 1, 1)}
    for who in ("user", "stranger"):
        assert (await people.get(who, "/team/info", team_id="t")).status_code in (403, 404)
    service = await control.generate(team_id="t", key_type="llm_api")
    alone = (await control.get("/team/info", headers=bearer(service["key"]))).json()
    assert (alone["team_id"], alone["team_info"]["members"], alone["team_memberships"]) == ("t", [], [])
    assert "key" not in one | alone["keys"][0] or alone["keys"][0].get("key") is None
    listed = (await control.get("/team/list", headers=bearer(service["key"]))).json()
    assert (listed[0]["members"], listed[0]["members_count"], listed[0]["keys_count"]) == ([], 2, 3)


@pytest.mark.parametrize("who", ["team_admin", "org_admin", "stranger", "member", "user"])
async def test_foreign_teams_are_not_there(control: Rig, who: str) -> None:
    people = await cast(control)
    foreign = "t" if who == "stranger" else "s"
    before = await dump(control)
    for path, body in (
        ("/team/update", {"team_id": foreign, "team_alias": "mine"}),
        ("/team/block", {"team_id": foreign}),
        ("/team/unblock", {"team_id": foreign}),
        ("/team/delete", {"team_ids": [foreign]}),
        ("/team/model/add", {"team_id": foreign, "models": ["m"]}),
        ("/team/model/delete", {"team_id": foreign, "models": ["m"]}),
        ("/team/permissions_update", {"team_id": foreign, "team_member_permissions": []}),
        ("/team/permissions_bulk_update", {"team_ids": [foreign], "permissions": ["/key/info"]}),
    ):
        assert (await people.post(who, path, **body)).status_code in (403, 404), path
    for path in ("/team/info", "/team/permissions_list"):
        assert (await people.get(who, path, team_id=foreign)).status_code in (403, 404), path
    assert (await people.get(who, f"/team/{foreign}/members/me")).status_code in (403, 404)
    assert await dump(control) == before


async def test_a_team_administrator_gives_his_team_nothing_more(control: Rig) -> None:
    people = await cast(control)
    limited = {"models": ["demo"], "max_budget": 10, "budget_duration": "30d", "rpm_limit": 5, "tags": ["x"]}
    assert (await control.post("/team/update", {"team_id": "t"} | limited)).status_code == 200
    for field, value in (
        ("models", ["demo", "gpt"]), ("models", []), ("models", ["all-team-models"]), ("max_budget", 11), ("max_budget", None),
        ("budget_duration", "1d"), ("rpm_limit", None), ("rpm_limit", 6), ("organization_id", "p"), ("organization_id", None),
        ("tags", []), ("access_group_ids", ["g"]), ("blocked", True),
    ):  # fmt: skip
        answer = await people.post("team_admin", "/team/update", team_id="t", **{field: value})
        assert param_of(answer) == (403, field), (field, value)
    free = {"team_alias": "mine", "metadata": {"a": 1}, "rpm_limit": 4, "team_member_budget": 1.0, "models": ["demo"]}
    answer = await people.post("team_admin", "/team/update", team_id="t", **free)
    assert answer.status_code == 200, answer.text
    assert (await people.post("team_admin", "/team/block", team_id="t")).status_code == 403
    assert (await people.post("team_admin", "/team/delete", team_ids=["t"])).status_code == 403


async def test_an_organisation_bounds_its_teams(control: Rig) -> None:
    people = await cast(control)
    org = {
        "organization_id": "o",
        "models": ["demo", "gpt-*"],
        "max_budget": 100,
        "budget_duration": "30d",
        "rpm_limit": 50,
    }
    assert (await control.http.patch("/organization/update", json=org, headers=ADMIN)).status_code == 200
    for field, body in (
        ("models", {"models": ["other"]}),
        ("models", {"models": ["*"]}),
        ("rpm_limit", {"rpm_limit": 51}),
        ("max_budget", {"max_budget": 101, "budget_duration": "30d"}),
    ):
        for who in ("admin", "org_admin"):
            assert param_of(await people.post(who, "/team/update", team_id="t", **body)) == (400, field)
            new = await people.post(who, "/team/new", organization_id="o", **body)
            assert param_of(new) == (400, field)
    good = {"models": ["demo", "gpt-5", "all-org-models"], "rpm_limit": 50, "max_budget": 100, "budget_duration": "30d"}
    assert (await people.post("org_admin", "/team/update", team_id="t", **good)).status_code == 200
    more = await people.post("org_admin", "/team/model/add", team_id="t", models=["other"])
    assert param_of(more) == (400, "models")


async def test_where_an_organisations_administrator_makes_and_moves_teams(control: Rig) -> None:
    people = await cast(control)
    assert (await people.post("org_admin", "/team/new", organization_id="o", team_id="mine")).status_code == 200
    assert param_of(await people.post("org_admin", "/team/new")) == (403, "organization_id")
    assert param_of(await people.post("org_admin", "/team/new", organization_id="p")) == (404, "organization_id")
    assert param_of(await people.post("org_admin", "/team/new", organization_id="nowhere")) == (404, "organization_id")
    assert param_of(await people.post("org_admin", "/team/update", team_id="t", organization_id="p")) == (
        404,
        "organization_id",
    )
    assert param_of(await people.post("org_admin", "/team/update", team_id="t", organization_id=None)) == (
        403,
        "organization_id",
    )
    assert (await people.post("org_admin", "/team/delete", team_ids=["mine", "s"])).status_code == 404
    assert (await people.post("org_admin", "/team/delete", team_ids=["mine"])).json() == {"deleted_teams": ["mine"]}


async def test_budgets_to_refer_to_are_the_administrators(control: Rig) -> None:
    people = await cast(control)
    answer = await people.post("org_admin", "/team/update", team_id="t", budget_id="b")
    assert param_of(answer) == (403, "budget_id")
    assert param_of(await people.post("org_admin", "/team/new", organization_id="o", budget_id="b")) == (
        403,
        "budget_id",
    )


async def test_block_and_unblock(control: Rig) -> None:
    await made(control, team_id="t1")
    key = await control.generate(team_id="t1")
    assert (await control.post("/team/block", {"team_id": "t1"})).json()["blocked"] is True
    refused = await control.get("/key/info", headers=bearer(key["key"]))
    assert (refused.status_code, "Team of this key is blocked" in refused.text) == (401, True)
    assert (await control.post("/team/unblock", {"team_id": "t1"})).json()["blocked"] is False
    assert (await control.get("/key/info", headers=bearer(key["key"]))).status_code == 200


async def test_models_come_and_go_but_for_the_last(control: Rig) -> None:
    await made(control, team_id="t1", models=["a"])
    body: dict[str, Any] = {"team_id": "t1", "models": ["b", "b", "a"]}
    assert (await control.post("/team/model/add", body)).json()["models"] == ["a", "b"]
    assert (await control.post("/team/model/delete", {"team_id": "t1", "models": ["a", "zz"]})).json()["models"] == [
        "b"
    ]
    assert param_of(await control.post("/team/model/delete", {"team_id": "t1", "models": ["b"]})) == (400, "models")


async def test_permissions_of_plain_members(control: Rig) -> None:
    people = await cast(control)
    body = {"team_id": "t", "team_member_permissions": ["/key/generate", "/key/generate"]}
    assert (await people.post("team_admin", "/team/permissions_update", **body)).status_code == 200
    listed = (await people.get("member", "/team/permissions_list", team_id="t")).json()
    assert listed["team_member_permissions"] == ["/key/generate"]
    assert "/key/update" in listed["all_available_permissions"]
    wrong = {"team_id": "t", "team_member_permissions": ["/team/delete"]}
    assert param_of(await control.post("/team/permissions_update", wrong)) == (400, "team_member_permissions")
    many: dict[str, Any] = {"permissions": ["/key/info"], "apply_to_all_teams": True}
    assert (await people.post("team_admin", "/team/permissions_bulk_update", **many)).json()["teams_updated"] == 1
    everywhere = await control.post("/team/permissions_bulk_update", many)
    assert everywhere.json()["teams_updated"] == 1  # the other one has it already
    both = await control.post("/team/permissions_bulk_update", many | {"team_ids": ["t"]})
    assert param_of(both) == (400, "team_ids")


async def test_delete_takes_keys_projects_and_memberships_along(control: Rig) -> None:
    people = await cast(control)
    key = await control.generate(team_id="t")
    assert param_of(await control.post("/team/delete", {"team_ids": ["t", "nowhere"]})) == (404, "team_ids")
    assert (await control.get("/key/info", headers=bearer(key["key"]))).status_code == 200
    assert (await control.post("/team/delete", {"team_ids": ["t"]})).json() == {"deleted_teams": ["t"]}
    assert (await control.get("/key/info", headers=bearer(key["key"]))).status_code == 401
    assert (await control.get("/team/info", team_id="t")).status_code == 404
    assert (await people.get("member", "/team/list")).status_code == 403 or (
        await people.get("member", "/team/list")
    ).json() == []


async def test_nothing_is_open_to_everybody_and_metadata_is_free(control: Rig) -> None:
    people = await cast(control)
    assert (await people.get("user", "/team/available")).json() == []
    assert (await people.get("user", "/team/metadata_schema")).json() == {"fields": []}


async def test_nobody_gets_hold_of_keys_by_making_what_they_name(control: Rig) -> None:
    people = await cast(control)
    gone = key_row("b" * 64, team_id="gone")

    def from_before(connection: sa.Connection) -> None:
        """Keys of a release that did not ask whether what they name is there, and of a team that was deleted."""
        keys.insert(connection, key_row(team_id="label", project_id="label", user_id="label"))
        keys.insert(connection, gone)
        keys.delete(connection, gone, 0.0, None)

    await control.services.database.write(from_before)
    before = await dump(control)
    for name in ("label", "gone"):
        new = await people.post("org_admin", "/team/new", organization_id="o", team_id=name)
        assert param_of(new) == (400, "team_id")
    assert param_of(await people.post("team_admin", "/project/new", team_id="t", project_id="label")) == (
        400,
        "project_id",
    )
    member = {"user_id": "label", "role": "user"}
    assert param_of(await people.post("org_admin", "/team/member_add", team_id="t", member=member)) == (400, "user_id")
    assert await dump(control) == before
    assert (await people.post("admin", "/team/new", team_id="label", members=["label"])).status_code == 200


async def test_keys_go_with_their_team_to_another_organization(control: Rig) -> None:
    people = await cast(control)
    await control.post("/organization/new", {"organization_id": "elsewhere", "organization_alias": "elsewhere"})
    home = (await info(control, "t"))["team_info"]["organization_id"]
    body = {"team_id": "t", "organization_id": home}
    key_id = (await control.post("/key/generate", body)).json()["token"]
    assert (await people.get("org_admin", "/key/info", key=key_id)).status_code == 200
    moved = await control.post("/team/update", {"team_id": "t", "organization_id": "elsewhere"})
    assert moved.status_code == 200, moved.text
    assert (await people.get("org_admin", "/key/info", key=key_id)).status_code == 404
    assert (await people.post("org_admin", "/key/regenerate", key=key_id)).status_code == 404
    assert key_id not in (await people.get("org_admin", "/key/list")).json()["keys"]
    shown = (await control.get("/key/info", key=key_id)).json()["info"]
    assert shown["organization_id"] == "elsewhere"
