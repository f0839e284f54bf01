from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
import sqlalchemy as sa
from tests.unit.control.rig import ADMIN, Rig, bearer

from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.keys import rotation
from phantom_gateway.control.keys.rotation import Rotation
from phantom_gateway.spine.messages import Invalidate
from phantom_gateway.store import keys
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.rows import StaleError
from phantom_gateway.store.tables import AUDIT_LOG, KEY_ROTATIONS
from phantom_gateway.wire.tasks import TaskGroup

DAY = 86_400.0


async def rotated(control: Rig, grace: float = DAY) -> int:
    return await Rotation(control.services, lambda: grace).look()


async def due(control: Rig, **fields: object) -> dict[str, str]:
    made = await control.generate(auto_rotate=True, rotation_interval="1h", **fields)
    control.clock.ahead += 3601
    return made


async def works(control: Rig, key: str) -> bool:
    return (await control.get("/key/info", headers=bearer(key))).status_code == 200


async def test_a_value_that_is_due_is_replaced_and_fetched_once_with_the_old_one(control: Rig) -> None:
    for user in ("anna", "otto"):
        assert (await control.post("/user/new", {"user_id": user, "auto_create_key": False})).status_code == 200
    made = await control.generate(auto_rotate=True, rotation_interval="1h", rpm_limit=7, user_id="anna")
    other = await control.generate(user_id="otto")
    assert await rotated(control) == 0
    assert (await control.post("/key/rotated", {}, bearer(made["key"]))).status_code == 404
    control.clock.ahead += 3601
    assert await rotated(control) == 1
    assert await rotated(control) == 0
    shown = (await control.get("/key/info", key=made["token"])).json()["info"]
    assert (shown["rotation_waiting"], shown["rotation_due"], shown["rotation_count"]) == (True, False, 1)
    stranger = await control.post(f"/key/{made['token']}/rotated", {}, bearer(other["key"]))
    assert stranger.status_code == 404
    assert await works(control, made["key"])
    answer = await control.post("/key/rotated", {}, bearer(made["key"]))
    assert answer.status_code == 200, answer.text
    new = answer.json()
    assert (new["token"], new["rpm_limit"], new["rotation_waiting"]) == (made["token"], 7, False)
    assert new["key_name"] == f"sk-...{new['key'][-4:]}"
    assert answer.headers["etag"] == '"3"'
    assert await works(control, new["key"])
    assert (await control.post("/key/rotated", {}, bearer(made["key"]))).status_code == 404
    control.clock.ahead += 3600
    assert not await works(control, made["key"]), "never longer than until the next value"
    assert await works(control, new["key"])


async def test_the_old_value_ends_after_its_grace_period(control: Rig) -> None:
    made = await due(control)
    await rotated(control, 60.0)
    assert await works(control, made["key"])
    control.clock.ahead += 61
    assert not await works(control, made["key"])
    fetched = await control.post(f"/key/{made['token']}/rotated", {})
    assert await works(control, fetched.json()["key"]), "an administrator can still fetch it"


async def test_it_waits_sealed_and_leaves_its_traces_in_the_audit_log(control: Rig) -> None:
    made = await due(control)
    async with control.worker() as worker:
        job = TaskGroup().spawn(rotated(control), "rotation")
        order = await worker.obey(Invalidate)
        assert await job == 1
    assert order.entities[0] == f"key:{made['token']}"
    sealed = await control.services.database.read(
        lambda connection: connection.execute(sa.select(KEY_ROTATIONS.c.sealed)).scalar_one()
    )
    assert sealed.startswith("ph1.virtual-key.")
    answer = await control.post(f"/key/{made['token']}/rotated", {})
    key = answer.json()["key"]
    assert key not in sealed
    found = await control.services.database.read(
        lambda connection: [
            (each.event, each.actor, each.before, each.after) for each in connection.execute(sa.select(AUDIT_LOG))
        ]
    )
    assert [(event, actor) for event, actor, *_ in found][-2:] == [
        ("key.rotated", rotation.BY), ("key.fetched", "default_user_id"),
    ]  # fmt: skip
    assert key not in str(found)


async def test_what_was_not_fetched_goes_with_the_next_value_or_the_key(control: Rig) -> None:
    made = await due(control)
    await rotated(control)
    control.clock.ahead += 3601
    assert await rotated(control) == 1
    again = (await control.post(f"/key/{made['token']}/regenerate", {})).json()
    assert again["rotation_waiting"] is False
    assert (await control.post(f"/key/{made['token']}/rotated", {})).status_code == 404
    control.clock.ahead += 3601
    assert await rotated(control) == 1
    await control.post("/key/delete", {"keys": [made["token"]]})
    assert (await control.post(f"/key/{made['token']}/rotated", {})).status_code == 404


async def test_a_key_that_is_changed_at_the_same_time_gets_its_value_next_time(
    control: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await due(control)

    def changed(connection: sa.Connection, row: KeyRow) -> None:
        raise StaleError

    with monkeypatch.context() as patch:
        patch.setattr(keys, "update", changed)
        assert await rotated(control) == 0
    assert await works(control, made["key"])
    assert (await control.post(f"/key/{made['token']}/rotated", {})).status_code == 404
    assert await rotated(control) == 1


async def test_a_fetch_holds_if_match(control: Rig) -> None:
    made = await due(control)
    await rotated(control)
    path = f"/key/{made['token']}/rotated"
    stale = {**ADMIN, "if-match": '"1"'}
    assert (await control.post(path, {}, stale)).status_code == 412
    assert (await control.post(path, {})).status_code == 200


async def test_it_looks_by_itself_and_outlives_a_database_that_is_away(
    control: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(rotation, "LOOK_SECONDS", 0.001)
    looks, enough = 0, asyncio.Event()

    class Away(Rotation):
        async def look(self) -> int:
            nonlocal looks
            looks += 1
            if looks >= 3:
                enough.set()
            return await super().look()

    missing = AsyncDatabase(open_sqlite(control.path / "nowhere" / "db"))
    job = Away(replace(control.services, database=missing), lambda: DAY)
    with caplog.at_level(logging.WARNING):
        job.start()
        async with asyncio.timeout(10):
            await enough.wait()
        await job.stop()
    missing.close()
    assert "do not get their new values (" in caplog.text
