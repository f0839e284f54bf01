from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.rig import MASTER, Rig

from phantom_gateway.control.entities import chain
from phantom_gateway.control.key_directory import KeyDirectory
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import keys
from phantom_gateway.store.tables import KEYS
from phantom_gateway.wire.tasks import TaskGroup


async def test_records_are_remembered_until_they_are_forgotten(control: Rig) -> None:
    made = await control.generate(rpm_limit=5)
    first = await control.directory.find(made["token"])
    assert first is not None
    assert await control.directory.find(made["token"]) is first
    epoch = control.directory.epoch
    control.directory.forget([f"key:{made['token']}"])
    assert control.directory.epoch == epoch + 1
    again = await control.directory.find(made["token"])
    assert again == first
    assert again is not first


async def test_the_master_key_is_known_and_the_unknown_is_not(control: Rig) -> None:
    master = await control.directory.find(control.services.hasher.digest(MASTER.encode()))
    assert master is not None
    assert master.kind == "master"
    assert await control.directory.find("0" * 64) is None


async def test_a_record_read_before_a_change_is_never_handed_out_after_it(control: Rig) -> None:
    """The look-up is made to see the old row; the change is announced while it is under way."""
    made = await control.generate()
    control.directory.forget(())
    looked = 0

    class Slow:
        async def read(self, _query: object) -> KeyRecord | None:
            nonlocal looked
            looked += 1
            row = await control.services.database.read(lambda connection: keys.get(connection, made["token"]))
            assert row is not None
            if looked == 1:

                def block(connection: sa.Connection) -> None:
                    found = keys.get(connection, made["token"])
                    assert found is not None
                    connection.execute(sa.update(KEYS).values(blocked=True))

                await control.services.database.write(block)
                directory.forget([f"key:{made['token']}"])
            return chain.record_of(chain.Chain(key=row, groups={}), made["token"], 0.0)

    directory = KeyDirectory(Slow(), control.services.master, epoch=1)  # type: ignore[arg-type]
    tasks = TaskGroup()
    record = await tasks.spawn(directory.find(made["token"]), "find")
    assert looked == 2
    assert record is not None
    assert record.blocked


async def test_a_key_without_a_user_may_be_looked_up_as_if_it_had_one(control: Rig) -> None:
    shared, personal = await control.generate(), await control.generate(user_id="ann")
    await control.post("/user/new", {"user_id": "bob", "rpm_limit": 3})
    found = await control.directory.find(shared["token"], "bob")
    assert found is not None
    assert (found.user_id, found.id, [limit.entity for limit in found.limits]) == ("bob", shared["token"], ["user:bob"])
    assert await control.directory.find(shared["token"], "bob") is found
    plain = await control.directory.find(shared["token"])
    assert plain is not None
    assert plain.user_id is None
    own = await control.directory.find(personal["token"], "bob")
    assert own is not None
    assert own.user_id == "ann"
    for changed in (f"key:{shared['token']}", "user:bob"):
        before = await control.directory.find(shared["token"], "bob")
        control.directory.forget([changed])
        assert await control.directory.find(shared["token"], "bob") is not before, changed
