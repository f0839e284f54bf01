"""Nobody gives more than he holds, asked over the API: limited keys, custom roles, members with permissions."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.control.accounts import PASSWORD
from tests.unit.control.people import STAMPS, Cast, cast, dump, param_of
from tests.unit.control.rig import Rig

from phantom_gateway.control.entities.giving import Giver
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import TeamRow

LIMITS: dict[str, Any] = {"max_budget": 5, "budget_duration": "1d", "models": ["demo"], "rpm_limit": 7}
BEYOND: dict[str, Any] = {
    "max_budget": 6,
    "models": ["demo", "other"],
    "rpm_limit": 8,
}


async def limited(people: Cast, who: str, **fields: Any) -> str:
    """A key of ``who`` that may less than he; from now on he calls with it."""
    people.keys[f"{who}+"] = (await people.control.generate(user_id=who, **(LIMITS | fields)))["key"]
    return f"{who}+"


async def with_role(people: Cast, name: str, grants: dict[str, str], **fields: Any) -> str:
    """Somebody with a custom role, and the name under which he calls."""
    assert (await people.post("admin", "/role/new", role=name, grants=grants)).status_code == 200
    made = await people.post("admin", "/user/new", user_id=f"u-{name}", user_role=name, **fields)
    assert made.status_code == 200, made.text
    people.keys[name] = (await people.control.generate(user_id=f"u-{name}"))["key"]
    return name


def shown(view: dict[str, Any]) -> dict[str, Any]:
    return {name: view[name] for name in LIMITS}


async def test_a_limited_keys_user_has_its_limits(control: Rig) -> None:
    people = await cast(control)
    who = await limited(people, "org_admin", duration="1h", tags=["lab"])
    made = await people.post(who, "/user/new", user_id="made", organizations=["o"])
    assert made.status_code == 200, made.text
    assert shown((await people.get("admin", "/user/info", user_id="made")).json()["user_info"]) == LIMITS
    first = (await people.get("admin", "/key/info", key=made.json()["key"])).json()["info"]
    assert (first["key_type"], first["metadata"].get("tags") or first["tags"]) == ("llm_api", ["lab"])
    assert first["expires"] is not None
    unlimited = await people.post("org_admin", "/user/new", user_id="more", organizations=["o"])
    assert unlimited.json()["max_budget"] is None


async def test_a_key_without_calls_gives_no_key_for_calls(control: Rig) -> None:
    people = await cast(control)
    who = await limited(people, "org_admin", key_type="management")
    body: dict[str, Any] = {"user_id": "made", "organizations": ["o"]}
    before = await dump(control)
    assert param_of(await people.post(who, "/user/new", **body)) == (403, "key_type")
    assert await dump(control) == before
    assert (await people.post(who, "/user/new", **body, auto_create_key=False)).status_code == 200


async def test_a_limited_keys_team_has_its_limits(control: Rig) -> None:
    people = await cast(control)
    who = await limited(people, "org_admin")
    made = await people.post(who, "/team/new", team_id="new", organization_id="o")
    assert made.status_code == 200, made.text
    assert shown(made.json()) == LIMITS
    before = await dump(control)
    for name, value in BEYOND.items():
        body = {"organization_id": "o", name: value}
        assert param_of(await people.post(who, "/team/new", **body)) == (403, name)
        assert param_of(await people.post(who, "/team/update", team_id="new", **{name: value})) == (403, name)
        assert param_of(await people.post(who, "/team/update", team_id="new", **{name: None})) == (403, name)
        project = {"team_id": "t", name: value} | ({"budget_duration": "1d"} if name == "max_budget" else {})
        assert param_of(await people.post(who, "/project/new", **project)) == (403, name)
    more = await people.post(who, "/team/model/add", team_id="new", models=["other"])
    assert param_of(more) == (403, "models")
    member = {"member": {"user_id": "member", "role": "user"}, "max_budget_in_team": 6, "budget_duration": "1d"}
    assert param_of(await people.post(who, "/team/member_add", team_id="new", **member)) == (400, "max_budget_in_team")
    assert await dump(control) == before
    assert (await people.post(who, "/team/update", team_id="new", rpm_limit=3, team_alias="less")).status_code == 200
    assert (await people.post("org_admin", "/team/update", team_id="new", rpm_limit=9)).status_code == 200


async def test_a_limited_key_of_a_teams_administrator_gives_its_members_no_more(control: Rig) -> None:
    people = await cast(control)
    who = await limited(people, "team_admin", team_id="t")
    member = {"team_id": "t", "user_id": "member"}
    less = await people.post("admin", "/team/member_update", **member, max_budget_in_team=2, budget_duration="1d")
    assert less.status_code == 200, less.text
    before = await dump(control)
    raised = await people.post(who, "/team/member_update", **member, max_budget_in_team=6)
    assert param_of(raised) == (403, "max_budget_in_team")
    assert await dump(control) == before
    assert (await people.post(who, "/team/member_update", **member, max_budget_in_team=4)).status_code == 200
    assert (await people.post("team_admin", "/team/member_update", **member, max_budget_in_team=6)).status_code == 200


async def test_custom_roles_are_bounded_by_the_key_and_the_user(control: Rig) -> None:
    people = await cast(control)
    grants = ("user.create", "user.update", "budget.write", "access_group.write", "organization.create")
    who = await with_role(people, "clerk", dict.fromkeys(grants, "all"), max_budget=3, models=["demo", "third"])
    people.keys[who] = (await control.generate(user_id="u-clerk", rpm_limit=7, models=["demo"]))["key"]
    made = await people.post(who, "/user/new", user_id="made")
    assert made.status_code == 200, made.text
    found = (await people.get("admin", "/user/info", user_id="made")).json()["user_info"]
    assert [found[name] for name in ("max_budget", "models", "rpm_limit")] == [3, ["demo"], 7]
    await people.post("admin", "/budget/new", budget_id="rich", max_budget=1000)
    await people.post("admin", "/budget/new", budget_id="own", rpm_limit=5)
    bound = await people.post("admin", "/user/update", user_id="u-clerk", budget_id="own")
    assert bound.status_code == 200, bound.text
    before = await dump(control)
    for body, param in (
        ({"max_budget": 4}, "max_budget"),
        ({"rpm_limit": 8}, "rpm_limit"),
        ({"models": ["demo", "other"]}, "models"),
        ({"max_budget": None}, "max_budget"),
        ({"models": []}, "models"),
    ):
        for user_id in ("made", "u-clerk"):
            answer = await people.post(who, "/user/update", user_id=user_id, **body)
            assert param_of(answer) == (403, param), (body, answer.text)
        if next(iter(body.values())):
            assert param_of(await people.post(who, "/user/new", user_id="another", **body)) == (403, param)
    assert param_of(await people.post(who, "/user/new", user_id="another", budget_id="rich")) == (403, "max_budget")
    for value in (8, None):
        assert param_of(await people.post(who, "/budget/update", budget_id="own", rpm_limit=value)) == (
            403,
            "rpm_limit",
        )
    assert param_of(await people.post(who, "/budget/new", budget_id="x", rpm_limit=8)) == (403, "rpm_limit")
    opened = {"access_group_name": "g", "access_model_names": ["other"]}
    assert param_of(await people.post(who, "/v1/access_group", **opened)) == (403, "access_model_names")
    assert param_of(await people.post(who, "/organization/new", organization_alias="x", rpm_limit=8)) == (
        403,
        "rpm_limit",
    )
    assert await dump(control) == before
    org = await people.post(who, "/organization/new", organization_alias="x")
    assert [org.json()[name] for name in ("models", "rpm_limit")] == [["demo"], 7]
    assert (await people.post(who, "/budget/new", budget_id="y", rpm_limit=6)).status_code == 200
    assert (await people.post(who, "/user/update", user_id="made", rpm_limit=2, user_alias="x")).status_code == 200


async def test_a_custom_role_puts_nobody_where_it_has_nothing_to_say(control: Rig) -> None:
    people = await cast(control)
    who = await with_role(people, "maker", {"user.create": "all"})
    before = await dump(control)
    for place, param in (
        ({"teams": [{"team_id": "t", "user_role": "admin"}]}, "teams"),
        ({"teams": ["t"]}, "teams"),
        ({"organizations": ["o"]}, "organizations"),
        ({"team_id": "t"}, "team_id"),
        ({"teams": ["nowhere"]}, "teams"),
    ):
        assert param_of(await people.post(who, "/user/new", user_id="made", **place)) == (404, param)
    assert await dump(control) == before
    joiner = await with_role(people, "joiner", {"user.create": "all", "team.members": "all"})
    admin = await people.post(joiner, "/user/new", user_id="made", teams=[{"team_id": "t", "user_role": "admin"}])
    assert param_of(admin) == (403, "teams")
    plain = await people.post(joiner, "/user/new", user_id="made", teams=["t"])
    assert plain.status_code == 200, plain.text


async def test_who_may_change_members_appoints_nobody_above_himself(control: Rig) -> None:
    people = await cast(control)
    who = await with_role(
        people,
        "warden",
        {"team.members": "all", "organization.members": "all", "user.read": "all", "team.update": "all"},
    )
    before = await dump(control)
    for path, body, method in (
        ("/team/member_add", {"team_id": "t", "member": {"user_id": "user", "role": "admin"}}, "POST"),
        ("/team/member_update", {"team_id": "t", "user_id": "member", "role": "admin"}, "POST"),
        (
            "/organization/member_add",
            {"organization_id": "o", "member": {"user_id": "user", "role": "org_admin"}},
            "POST",
        ),
    ):
        answer = await people.send(who, method, path, **body)
        assert param_of(answer) == (403, "role"), answer.text
    opened = await people.post(who, "/team/permissions_update", team_id="t", team_member_permissions=["/key/generate"])
    assert param_of(opened) == (403, "team_member_permissions")
    many = await people.post(who, "/team/permissions_bulk_update", team_ids=["t"], permissions=["/key/generate"])
    assert param_of(many) == (403, "permissions")
    assert await dump(control) == before
    plain = {"team_id": "t", "member": {"user_id": "user", "role": "user"}}
    assert (await people.post(who, "/team/member_add", **plain)).status_code == 200
    for good in ("team_admin", "org_admin"):
        body = {"team_id": "t", "user_id": "member", "role": "admin"}
        assert (await people.post(good, "/team/member_update", **body)).status_code == 200


@pytest.mark.parametrize("path", ["/user/update", "/invitation/new"])
async def test_a_custom_role_becomes_nobody_who_may_do_more(control: Rig, path: str) -> None:
    people = await cast(control)
    grants = dict.fromkeys(("user.read", "user.update", "invitation.create"), "all")
    who = await with_role(people, "desk", grants, max_budget=3)
    await people.post("admin", "/user/new", user_id="rich", auto_create_key=False)
    await people.post("admin", "/user/new", user_id="poor", max_budget=2, auto_create_key=False)
    bodies = [{}] if path == "/invitation/new" else [{"password": PASSWORD}, {"user_email": "mine@example.net"}]
    before = await dump(control)
    for user_id in ("team_admin", "org_admin", "member", "rich"):
        for body in bodies:
            param = next(iter(body), "user_id")
            assert param_of(await people.post(who, path, user_id=user_id, **body)) == (403, param), user_id
    assert await dump(control) == before
    for body in bodies:
        answer = await people.post(who, path, user_id="poor", **body)
        assert answer.status_code == 200, answer.text


async def test_a_member_does_not_change_the_keys_of_those_above(control: Rig) -> None:
    people = await cast(control)

    def permit(connection: sa.Connection) -> None:
        team = tenants.TEAMS.get(connection, "t")
        assert team is not None
        columns = {"member_permissions": ["/key/update", "/key/delete", "/key/block", "/key/regenerate"]}
        tenants.TEAMS.update(connection, TeamRow(**{**_plain(team), **columns, "revision": team.revision + 1}))
        second = tenants.TeamMemberRow(team_id="t", user_id="user", role="user", **STAMPS)
        tenants.TEAM_MEMBERS.insert(connection, second)

    await control.services.database.write(permit)
    keys = {
        name: (await control.generate(user_id=name, team_id="t", key_alias=f"of {name}", rpm_limit=5))["token"]
        for name in ("team_admin", "org_admin", "user", "member")
    }
    service = (await control.generate(team_id="t", rpm_limit=5))["token"]
    before = await dump(control)
    for name in ("team_admin", "org_admin"):
        for path, body in (
            ("/key/update", {"key": keys[name], "rpm_limit": 1}),
            ("/key/update", {"key": keys[name], "user_id": "member"}),
            ("/key/block", {"key": keys[name]}),
            ("/key/delete", {"keys": [keys[name]]}),
            ("/key/delete", {"key_aliases": [f"of {name}"]}),
            ("/key/regenerate", {"key": keys[name]}),
        ):
            assert (await people.post("member", path, **body)).status_code == 404, (name, path)
    assert await dump(control) == before
    for token in (keys["user"], service):
        taken = await people.post("member", "/key/update", key=token, user_id="member")
        assert param_of(taken) == (403, "user_id")
    for token in (keys["user"], keys["member"], service):
        for name, value in (("rpm_limit", 6), ("rpm_limit", None), ("max_parallel_requests", 3)):
            answer = await people.post("member", "/key/update", key=token, **{name: value})
            expected = 200 if name == "max_parallel_requests" else 403
            assert answer.status_code == expected, answer.text
            if expected == 403:
                assert param_of(answer) == (403, "rpm_limit")
    assert (await people.post("member", "/key/update", key=keys["user"], rpm_limit=4)).status_code == 200


async def test_the_gateway_itself_and_administrators_are_bounded_by_nothing(control: Rig) -> None:
    people = await cast(control)
    await people.post("admin", "/user/new", user_id="root", user_role="proxy_admin")
    who = await limited(people, "root")
    made = await people.post(who, "/team/new", team_id="wide", max_budget=100)
    assert (made.status_code, made.json()["max_budget"]) == (200, 100)
    row = TeamRow(id="x", max_budget_nano=1, **STAMPS)

    def look(connection: sa.Connection) -> None:
        assert Giver().made(connection, row, ()) is row
        Giver().check_member(row, "admin", "role")

    await control.services.database.read(look)


def _plain(row: TeamRow) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__}


async def test_people_made_by_the_way_have_the_limits_of_the_key_too(control: Rig) -> None:
    people = await cast(control)
    who = await limited(people, "org_admin")
    for path, body in (
        ("/organization/member_add", {"organization_id": "o", "member": {"user_id": "one", "role": "internal_user"}}),
        ("/team/member_add", {"team_id": "t", "member": {"user_id": "two", "role": "user"}}),
        ("/team/new", {"organization_id": "o", "members": ["three"]}),
    ):
        answer = await people.post(who, path, **body)
        assert answer.status_code == 200, answer.text
    for user_id in ("one", "two", "three"):
        assert shown((await people.get("admin", "/user/info", user_id=user_id)).json()["user_info"]) == LIMITS


async def test_what_a_request_says_is_never_dropped_silently(control: Rig) -> None:
    """A window without an amount, a life without end, limits of models: had as they were asked for, or refused by name."""
    people = await cast(control)
    who = await limited(people, "user", duration="1h", model_rpm_limit={"demo": 5})
    before = await dump(control)
    for field, value in (("budget_duration", "1h"), ("duration", "-1")):
        assert param_of(await people.post(who, "/key/generate", **{field: value})) == (403, field)
    assert await dump(control) == before
    made = await people.post(who, "/key/generate", budget_duration="24h", duration="30m")
    assert (made.status_code, made.json()["max_budget"], made.json()["duration"]) == (200, 5, "30m"), "the same window"
    less = await people.post(who, "/key/generate", max_budget=1, budget_duration="1h")
    assert (less.json()["max_budget"], less.json()["budget_duration"]) == (1, "1h")
    boss = await limited(people, "org_admin", duration="1h", model_rpm_limit={"demo": 5})
    new: dict[str, Any] = {"user_id": "made", "organizations": ["o"]}
    assert param_of(await people.post(boss, "/user/new", **new, duration="-1")) == (403, "duration")
    team = await people.post(boss, "/team/new", organization_id="o", model_rpm_limit={"demo": 6})
    assert param_of(team) == (403, "model_rpm_limit"), "not lowered behind his back"
    window = await people.post(boss, "/team/new", organization_id="o", budget_duration="1h")
    assert window.status_code == 403
