from __future__ import annotations

from functools import partial

import sqlalchemy as sa
from tests.unit.control.accounts import STAMPS, member, organisation, write
from tests.unit.control.people import cast
from tests.unit.control.rig import Rig

from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.users.lists import UserFilter, conditions, keys_of, teams_of
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import UserRow

ADA = UserRow(id="ada", email="ada@x.org", role="internal_user", **STAMPS)
BOB = UserRow(id="bob", alias="100%", role="internal_user_viewer", **STAMPS)


async def people(control: Rig) -> None:
    for row in (ADA, BOB):
        await write(control, partial(tenants.USERS.insert, row=row))
    await write(control, lambda connection: organisation(connection, "o", "ada"))
    await write(control, lambda connection: member(connection, "o", "bob"))


async def found(control: Rig, wanted: UserFilter) -> list[str]:
    reach = Reach(relation=Relation.ADMIN)
    rows = await control.services.database.read(lambda c: tenants.USERS.all(c, *conditions(wanted, reach)))
    return [row.id for row in rows]


async def test_filters(control: Rig) -> None:
    await people(control)
    assert await found(control, UserFilter()) == ["ada", "bob"]
    assert await found(control, UserFilter(role="internal_user")) == ["ada"]
    assert await found(control, UserFilter(user_ids=" bob ,ada,,")) == ["ada", "bob"]
    assert await found(control, UserFilter(user_ids=",")) == []
    assert await found(control, UserFilter(search="0%")) == ["bob"]
    assert await found(control, UserFilter(search="_")) == []
    assert await found(control, UserFilter(user_email="X.ORG")) == ["ada"]
    assert await found(control, UserFilter(team="o")) == ["bob"]
    assert await found(control, UserFilter(organization_ids="o")) == ["ada"]


async def test_what_is_somebodys_as_far_as_one_reaches(control: Rig) -> None:
    await people(control)
    await control.generate(user_id="bob", key_alias="private")
    await control.generate(user_id="bob", team_id="o", key_alias="shared")

    async def seen(reach: Reach) -> tuple[set[str], list[str]]:
        keys = await control.services.database.read(lambda c: keys_of(c, BOB, reach, 1.0))
        teams = await control.services.database.read(lambda c: teams_of(c, BOB, reach))
        return {key["key_alias"] for key in keys}, [team["team_id"] for team in teams]

    assert await seen(Reach(relation=Relation.ADMIN)) == ({"private", "shared"}, ["o"])
    assert await seen(Reach(user=Relation.USER, user_id="bob")) == ({"private", "shared"}, ["o"])
    assert await seen(Reach(teams=frozenset({"o"}))) == ({"shared"}, ["o"])
    assert await seen(Reach(user=Relation.USER, user_id="eve")) == (set(), [])


async def test_of_foreign_teams_one_learns_nothing(control: Rig) -> None:
    people = await cast(control)

    def join(connection: sa.Connection) -> None:
        row = tenants.TeamMemberRow(team_id="s", user_id="member", role="user", created_at=0.0, updated_at=0.0)
        tenants.TEAM_MEMBERS.insert(connection, row)

    await control.services.database.write(join)
    for who, teams in (("team_admin", ["t"]), ("member", ["s", "t"]), ("admin", ["s", "t"]), ("stranger", ["s"])):
        for path in ("/user/info", "/v2/user/info", "/user/list"):
            query = {"user_ids": "member"} if path == "/user/list" else {"user_id": "member"}
            answer = (await people.get(who, path, **query)).json()
            view = answer["users"][0] if path == "/user/list" else answer.get("user_info", answer)
            assert view["teams"] == teams, (who, path)
        listed = (await people.get(who, "/user/list", team="s")).json()["users"]
        assert {"member"} & {user["user_id"] for user in listed} == (set() if who == "team_admin" else {"member"})
        orgs = (await people.get(who, "/user/list", organization_ids="o,p")).json()["total"]
        assert orgs == (1 if who == "admin" else 0)
