from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import Rig
from tests.unit.store.samples import key_row

from phantom_gateway.control.access_groups import members
from phantom_gateway.control.commit import Writer
from phantom_gateway.control.errors import ApiError
from phantom_gateway.store import keys, tenants

STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}


async def test_exactly_those_that_are_named_have_the_group(control: Rig) -> None:
    writer = Writer(control.services, "me")
    one, two = "1" * 64, "2" * 64
    with control.services.database.database.write() as connection:
        keys.insert(connection, key_row(one, access_groups=["g", "G"]))
        keys.insert(connection, key_row(two, access_groups=["gg"]))
        tenants.TEAMS.insert(connection, tenants.TeamRow(id="t", models=["m"], **STAMPS))
        assert [row.id for row in members.keys_of(connection, "g")] == [one]
        members.assign_keys(connection, writer, "g", [two])
        assert [row.id for row in members.keys_of(connection, "g")] == [two]
        changed = keys.get(connection, two)
        assert changed is not None
        assert (changed.access_groups, changed.revision, changed.updated_by) == (["gg", "g"], 2, "me")
        members.assign_teams(connection, writer, "g", ["t"])
        assert [row.id for row in members.teams_of(connection, "g")] == ["t"]
        members.assign_teams(connection, writer, "g", [])
        assert members.teams_of(connection, "g") == []


async def test_nobody_is_left_with_everything(control: Rig) -> None:
    writer = Writer(control.services, "me")
    with control.services.database.database.write() as connection:
        keys.insert(connection, key_row(access_groups=["g"]))
        with pytest.raises(ApiError, match="no other models") as caught:
            members.assign_keys(connection, writer, "g", [])
        assert caught.value.status == 409
        with pytest.raises(ApiError, match="No such team"):
            members.assign_teams(connection, writer, "g", ["nowhere"])
