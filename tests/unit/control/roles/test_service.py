from __future__ import annotations

import pytest
from tests.unit.control.rig import Rig

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.roles.fields import RoleNew, RoleUpdate
from phantom_gateway.control.roles.service import RoleService


async def test_an_update_names_what_it_changes(control: Rig) -> None:
    service = RoleService(Writer(control.services, "me"))
    await service.new(RoleNew(role="r", description="d", grants={"user.read": "all"}))
    assert (await service.update(RoleUpdate(role="r", grants=None)))["grants"] == {"user.read": "all"}
    changed = await service.update(RoleUpdate(role="r", description=None, grants={}))
    assert (changed["description"], changed["grants"], changed["updated_by"]) == (None, {}, "me")
    with pytest.raises(ApiError) as caught:
        await service.update(RoleUpdate(role="gone"))
    assert caught.value.status == 404
