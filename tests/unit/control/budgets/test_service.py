from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.control.budgets.service import referrers
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import tenants

STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}


async def limits(control: Rig, token: str) -> tuple[Limit, ...]:
    record = await control.directory.find(token)
    assert record is not None
    return record.limits


async def test_whoever_refers_to_a_budget_is_bounded_by_it_at_once(control: Rig) -> None:
    await control.post("/budget/new", {"budget_id": "b", "max_budget": 1})
    key = await control.generate(budget_id="b")
    assert [limit.amount for limit in await limits(control, key["token"])] == [10**9]
    await control.post("/budget/update", {"budget_id": "b", "max_budget": 2, "rpm_limit": 3})
    assert {limit.amount for limit in await limits(control, key["token"])} == {3, 2 * 10**9}


async def test_another_window_begins_with_what_was_spent(control: Rig) -> None:
    await control.post("/budget/new", {"budget_id": "b", "max_budget": 1})
    key = await control.generate(budget_id="b")
    journal = control.journal("w")
    at_ns = int(control.services.clock() * 1e9)
    journal.append(closed(0, cost=600_000_000, key_id=key["token"], at_ns=at_ns))
    await control.ingestion.catch_up("w", 1)
    assert (await control.get("/key/info", key=key["token"])).json()["info"]["spend"] == 0.6
    await control.post("/budget/update", {"budget_id": "b", "budget_duration": "1mo"})
    assert (await control.get("/key/info", key=key["token"])).json()["info"]["spend"] == 0.6
    await journal.close()


async def test_a_budget_in_use_is_not_deleted(control: Rig) -> None:
    await control.post("/budget/new", {"budget_id": "b", "max_budget": 1})
    key = await control.generate(budget_id="b")

    def change(connection: sa.Connection) -> None:
        for name in ("t", "s"):
            tenants.TEAMS.insert(connection, tenants.TeamRow(id=name, budget_id="b", **STAMPS))
        member = tenants.TeamMemberRow(team_id="t", user_id="u", role="user", budget_id="b", **STAMPS)
        tenants.TEAM_MEMBERS.insert(connection, member)

    await control.services.database.write(change)
    counts = {"keys": 1, "teams": 2, "team members": 1}
    assert await control.services.database.read(lambda connection: referrers(connection, "b")) == counts
    answer = await control.post("/budget/delete", {"id": "b"})
    assert answer.status_code == 409
    assert "1 keys, 2 teams, 1 team members" in answer.json()["error"]["message"]
    assert (await limits(control, key["token"]))[0].amount == 10**9
