from __future__ import annotations

from dataclasses import replace

import sqlalchemy as sa
from tests.unit.control.people import STAMPS, cast
from tests.unit.control.rig import Rig

from phantom_gateway.control.entities.listing import Wanted
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.teams.reading import TeamFilter, Views
from phantom_gateway.store import tenants

ALL = Reach(relation=Relation.ADMIN)
BY_ALIAS = Wanted(1, 10, "team_alias", "asc")


async def test_pages_are_within_reach(control: Rig) -> None:
    await cast(control)

    def look(connection: sa.Connection) -> None:
        everything = Views(reach=ALL, keys=ALL, now=0.0)
        total, rows = everything.page(connection, TeamFilter(), replace(BY_ALIAS, size=1))
        assert (total, [row.id for row in rows]) == (2, ["s"])
        for reach, ids in (
            (Reach(orgs=frozenset({"o"})), ["t"]),
            (Reach(teams=frozenset({"s"})), ["s"]),
            (Reach(member_teams=frozenset({"s", "t"})), ["s", "t"]),
            (Reach(key_team="t"), ["t"]),
            (Reach(user_id="member"), []),
            (Reach(), []),
        ):
            total, rows = Views(reach=reach, keys=Reach(), now=0.0).page(connection, TeamFilter(), BY_ALIAS)
            assert (total, [row.id for row in rows]) == (len(ids), ids)

    await control.services.database.read(look)


async def test_filters(control: Rig) -> None:
    await cast(control)

    def look(connection: sa.Connection) -> None:
        everything = Views(reach=ALL, keys=ALL, now=0.0)
        for wanted, ids in (
            (TeamFilter(user_id="member"), ["t"]),
            (TeamFilter(org_id="p"), ["s"]),
            (TeamFilter(team_id="t"), ["t"]),
            (TeamFilter(alias="TEAM"), ["s", "t"]),
            (TeamFilter(search="am s"), ["s"]),
            (TeamFilter(search="t"), ["s", "t"]),
            (TeamFilter(search="zz", prefix=True), []),
            (TeamFilter(blocked=True), []),
            (TeamFilter(blocked=False, org_id="o", user_id="stranger"), []),
        ):
            _, rows = everything.page(connection, wanted, BY_ALIAS)
            assert [row.id for row in rows] == ids, wanted

    await control.services.database.read(look)


async def test_models_of_access_groups_are_shown(control: Rig) -> None:
    await cast(control)
    await control.generate(team_id="t")

    def look(connection: sa.Connection) -> None:
        group = tenants.AccessGroupRow(id="1", name="g", models=["a", "b"], **STAMPS)
        tenants.ACCESS_GROUPS.insert(connection, group)
        row = tenants.TeamRow(id="z", access_groups=["g", "1"], **STAMPS)
        (view,) = Views(reach=ALL, keys=ALL, now=0.0).listed(connection, [row])
        assert (view["access_group_models"], view["keys_count"]) == (["a", "b"], 0)
        (found, revision) = Views(reach=ALL, keys=Reach(), now=0.0).info(connection, "t", 10)
        assert (found["keys"], revision) == ([], 1)

    await control.services.database.write(look)
