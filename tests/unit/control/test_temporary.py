from __future__ import annotations

import asyncio
import time
from typing import Any

import sqlalchemy as sa
from tests.unit.control.rig import Rig

from phantom_gateway.control.temporary import TemporaryLimits, ends
from phantom_gateway.control.timestamps import iso
from phantom_gateway.spine.messages import DeploymentHealth, Invalidate, Load
from phantom_gateway.store import tenants
from phantom_gateway.wire.tasks import TaskGroup

STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}


class Told:
    """Workers that write down what they shall forget."""

    ready_workers = 0

    def __init__(self) -> None:
        self.entities: asyncio.Queue[tuple[str, ...]] = asyncio.Queue()
        self.loads: dict[str, Load] = {}
        self.healths: dict[str, dict[str, DeploymentHealth]] = {}

    async def invalidate(self, entities: tuple[str, ...]) -> None:
        self.entities.put_nowait(entities)

    async def explain(self, *_: object) -> bytes | None:
        return None


async def test_workers_are_told_when_an_increase_ends(control: Rig) -> None:
    made = await control.generate(max_budget=1)
    async with control.worker() as worker:
        until = control.services.clock() + 1.5  # the update must be answered before, on a busy machine, too
        body = {"key": made["key"], "temp_budget_increase": 2, "temp_budget_expiry": iso(until)}
        answer = TaskGroup().spawn(control.post("/key/update", body), "update")
        assert (await worker.obey(Invalidate)).entities == (f"key:{made['token']}",)
        assert (await answer).json()["temp_budget_increase"] == 2
        record = await control.directory.find(made["token"])
        assert record is not None
        assert record.limits[0].amount == 3_000_000_000
        assert (await worker.obey(Invalidate)).entities == (f"key:{made['token']}",)
        record = await control.directory.find(made["token"])
        assert record is not None
        assert record.limits[0].amount == 1_000_000_000


async def test_what_the_database_knows_is_read_at_start(control: Rig) -> None:
    soon = time.time() + 0.3

    def change(connection: sa.Connection) -> None:
        tenants.TEAMS.insert(connection, tenants.TeamRow(id="t", temp_expiry=soon, **STAMPS))
        tenants.TEAMS.insert(connection, tenants.TeamRow(id="past", temp_expiry=1.0, **STAMPS))
        member = tenants.TeamMemberRow(team_id="t", user_id="u", role="user", temp_expiry=soon + 1000, **STAMPS)
        tenants.TEAM_MEMBERS.insert(connection, member)
        of_org = tenants.OrganizationMemberRow(org_id="o", user_id="v", role="x", temp_expiry=soon + 2000, **STAMPS)
        tenants.ORGANIZATION_MEMBERS.insert(connection, of_org)

    database = control.services.database
    await database.write(change)
    found = await database.read(lambda connection: ends(connection, 2.0))
    assert found == [(soon, "team:t"), (soon + 1000, "user:u"), (soon + 2000, "user:v")]
    told = Told()
    watch = TemporaryLimits(database, told, time.time)
    watch.note("key:k", soon)  # nobody watches yet
    watch.start()
    async with asyncio.timeout(5):
        assert await told.entities.get() == ("team:t",)
    await watch.stop()
