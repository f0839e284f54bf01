from __future__ import annotations

import pytest
from tests.unit.control.rig import Rig

from phantom_gateway.control.access_groups.fields import GroupCreate, GroupUpdate
from phantom_gateway.control.access_groups.service import AccessGroupService, by_id, by_name
from phantom_gateway.control.commit import Writer
from phantom_gateway.control.errors import ApiError


async def test_keys_follow_their_group(control: Rig) -> None:
    service = AccessGroupService(Writer(control.services, "me"))
    shown, _ = await service.create(GroupCreate(access_group_name="beta", access_model_names=["a"]))
    key = await control.generate(models=["beta"])

    async def models() -> tuple[str, ...]:
        record = await control.directory.find(key["token"])
        assert record is not None
        return record.models

    assert await models() == ("beta", "a")
    group_id = shown["access_group_id"]
    await service.update(lambda connection: by_id(connection, group_id), GroupUpdate(access_model_names=["a", "b"]))
    assert await models() == ("beta", "a", "b")
    await service.delete(lambda connection: by_name(connection, "beta"))
    assert await models() == ("beta",), "a name that admits nothing, not an empty list that admits all"


async def test_a_name_is_taken_once_and_is_no_id(control: Rig) -> None:
    service = AccessGroupService(Writer(control.services, "me"))
    shown, _ = await service.create(GroupCreate(access_group_name="beta"))
    for name in ("beta", shown["access_group_id"]):
        with pytest.raises(ApiError) as caught:
            await service.create(GroupCreate(access_group_name=name))
        assert (caught.value.status, caught.value.param) == (400, "access_group_name")
