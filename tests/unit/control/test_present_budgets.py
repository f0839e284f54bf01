from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from tests.unit.control.people import cast
from tests.unit.control.rig import Rig

from phantom_gateway.control.present_budgets import SOURCES, PresentBudgets
from phantom_gateway.spine.messages import Limit
from phantom_gateway.store.database import Database

TEAM = Limit(scope="budget:team:t:1d", kind="budget", entity="team:t", amount=5, window="1d")


async def test_budgets_are_those_of_the_key_records(control: Rig) -> None:
    made = await control.generate(max_budget=2, budget_duration="1d", budget_limits=[])
    free = await control.generate()
    record = await control.directory.find(made["token"])
    assert record is not None
    present = PresentBudgets(control.services.database.database)
    entities = [f"key:{made['token']}", f"key:{free['token']}", "key:nobody", "team:t", "gateway"]
    found = present.of(entities)
    assert list(found) == entities
    assert found[entities[0]] == record.limits
    assert all(not found[entity] for entity in entities[1:])


async def test_they_are_remembered_until_something_changes(control: Rig) -> None:
    made = await control.generate(max_budget=2)
    entity = f"key:{made['token']}"
    present = PresentBudgets(control.services.database.database)
    before = present.of([entity])[entity]
    await control.post("/key/update", {"key": made["token"], "max_budget": 3})
    assert present.of([entity])[entity] == before
    present.forget()
    assert [limit.amount for limit in present.of([entity])[entity]] == [3_000_000_000]


async def test_another_kind_of_entity_is_another_source(control: Rig) -> None:
    asked: list[Sequence[str]] = []

    def teams(_connection: sa.Connection, ids: Sequence[str]) -> Mapping[str, Sequence[Limit]]:
        asked.append(ids)
        return {"t": (TEAM,)}

    database: Database = control.services.database.database
    present = PresentBudgets(database, {**SOURCES, "team": teams})
    for _ in range(2):
        assert present.of(["team:t", "team:x", "key:k"]) == {"team:t": (TEAM,), "team:x": (), "key:k": ()}
    assert asked == [["t", "x"]]


async def test_members_have_their_teams_defaults_and_their_budget_in_the_organisation(control: Rig) -> None:
    await cast(control)
    await control.post("/team/update", {"team_id": "t", "team_member_budget": 2, "team_member_budget_duration": "1d"})
    member = {"user_id": "member", "role": "internal_user"}
    body = {"organization_id": "o", "member": member, "max_budget_in_organization": 3}
    await control.post("/organization/member_add", body)
    key = await control.generate(user_id="member", team_id="t")
    record = await control.directory.find(key["token"])
    assert record is not None
    names = ("member:t/member", "org_member:o/member")
    found = PresentBudgets(control.services.database.database).of([*names, "member:t/stranger", "org_member:o/user"])
    assert tuple(limit for name in names for limit in found[name]) == record.limits
    assert [(limit.scope, limit.amount) for limit in record.limits] == [
        ("budget:member:t/member:1d", 2_000_000_000),
        ("budget:org_member:o/member:", 3_000_000_000),
    ]
    assert (found["member:t/stranger"], found["org_member:o/user"]) == ((), ())


async def test_customers_and_tags_that_somebody_made_are_among_them(control: Rig) -> None:
    await control.post("/budget/new", {"budget_id": "b", "max_budget": 3})
    await control.post("/customer/new", {"user_id": "c", "budget_id": "b"})
    await control.post("/tag/new", {"name": "t", "max_budget": 2, "budget_duration": "1d"})
    found = PresentBudgets(control.services.database.database).of(["customer:c", "customer:nobody", "tag:t", "tag:x"])
    assert {entity: [(limit.scope, limit.amount) for limit in limits] for entity, limits in found.items()} == {
        "customer:c": [("budget:customer:c:", 3_000_000_000)],
        "customer:nobody": [],
        "tag:t": [("budget:tag:t:1d", 2_000_000_000)],
        "tag:x": [],
    }
