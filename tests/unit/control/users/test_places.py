from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from tests.unit.control.accounts import STAMPS, organisation, write
from tests.unit.control.rig import Rig

from phantom_gateway.control.auth import Caller
from phantom_gateway.control.entities.giving import Giver
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.policy.actor import Actor
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.users.fields import UserNew
from phantom_gateway.control.users.places import Placer, Places, join, places_of
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import UserRow

ADMIN = Placer(Reach(relation=Relation.ADMIN), Giver())
CHIEF = Actor(key_id="k", user_id="chief", role="internal_user", orgs_administered=frozenset({"home"}))
AT_HOME = Placer(Reach(orgs=frozenset({"home"})), Giver(Caller(KeyRecord(id="k"), CHIEF)))


async def places(control: Rig, placer: Placer, defaults: tuple[str, ...] = (), **fields: Any) -> Places:
    body = UserNew.model_validate(fields)
    return await control.services.database.read(lambda connection: places_of(connection, body, defaults, placer))


async def test_where_a_new_user_belongs(control: Rig) -> None:
    for org_id in ("home", "abroad"):
        await write(control, partial(organisation, org_id=org_id, admin="chief"))
    asked = await places(control, ADMIN, ("home",), teams=["abroad", "abroad"], organizations=["home", "home"])
    assert ([team.team_id for team in asked.teams], asked.orgs) == (["abroad"], ("home",))
    assert [team.team_id for team in (await places(control, ADMIN, ("home", "gone"))).teams] == ["home"]
    assert (await places(control, ADMIN, ("home",), teams=[])).teams == ()
    assert (await places(control, AT_HOME, ("abroad",), organizations=["home"])).teams == ()
    refused: tuple[dict[str, Any], ...] = (
        {"organizations": ["abroad"]},
        {"organizations": ["home"], "teams": ["abroad"]},
        {},
    )
    for fields in refused:
        with pytest.raises(ApiError):
            await places(control, AT_HOME, **fields)


async def test_joining(control: Rig) -> None:
    await write(control, lambda connection: organisation(connection, "home", "chief"))
    user = UserRow(id="ada", role="internal_user", **STAMPS)
    asked = await places(
        control,
        ADMIN,
        organizations=["home"],
        teams=[{"team_id": "home", "max_budget_in_team": 2, "user_role": "admin"}],
    )
    await write(control, lambda connection: join(connection, user, asked))
    row = await control.services.database.read(lambda c: tenants.TEAM_MEMBERS.get(c, "home", "ada"))
    assert row is not None
    assert (row.role, row.max_budget_nano) == ("admin", 2 * 10**9)
    member = await control.services.database.read(lambda c: tenants.ORGANIZATION_MEMBERS.get(c, "home", "ada"))
    assert member is not None
    assert member.role == "internal_user"
