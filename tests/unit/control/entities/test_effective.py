from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.accounts import STAMPS, member, organisation, write
from tests.unit.control.rig import Rig

from phantom_gateway.control.entities import effective
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.tenants import UserRow


async def test_a_users_own_budget_does_not_count_for_a_teams_key(control: Rig) -> None:
    def people(connection: sa.Connection) -> None:
        row = UserRow(id="ann", role="internal_user", max_budget_nano=1, rpm_limit=7, models=["m"], **STAMPS)
        tenants.USERS.insert(connection, row)
        organisation(connection, "o", "ann")
        member(connection, "o", "ann")

    await write(control, people)
    of_team = (await control.generate(user_id="ann", team_id="o", rpm_limit=9, max_budget=3))["token"]
    own = (await control.generate(user_id="ann"))["token"]

    def look(connection: sa.Connection) -> None:
        shown = {}
        for key in (of_team, own):
            row = keys.get(connection, key)
            assert row is not None
            found = effective.view(connection, effective.parts_of_key(connection, row), control.clock())
            shown[key] = {(each["level"], each["kind"]): (each["limit"], each["binds"]) for each in found["limits"]}
            assert ("ann" in [each["name"] for each in found["models"]]) == (key == own)
        assert shown[of_team] == {
            ("key", "requests"): (9.0, False), ("user", "requests"): (7.0, True), ("key", "budget"): (3.0, True),
        }  # fmt: skip
        assert shown[own] == {("user", "requests"): (7.0, True), ("user", "budget"): (1e-9, True)}

    await write(control, look)
