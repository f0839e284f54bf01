from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa
from tests.unit.control.people import cast, param_of
from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.teams.fields import TeamUpdate
from phantom_gateway.control.teams.service import TeamService, existing, remove, target_of
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.spine.messages import Invalidate
from phantom_gateway.store import spend, tenants

ALL = Reach(relation=Relation.ADMIN)


async def test_a_team_out_of_reach_is_not_there(control: Rig) -> None:
    await cast(control)

    def look(connection: sa.Connection) -> None:
        row = existing(connection, "t", Reach(orgs=frozenset({"o"})))
        assert (target_of(row).team_id, target_of(row).org_id) == ("t", "o")
        for team, reach in (("t", Reach()), ("t", Reach(orgs=frozenset({"p"}))), ("nowhere", ALL)):
            with pytest.raises(ApiError) as error:
                existing(connection, team, reach)
            assert (error.value.status, error.value.param) == (404, "team_id")

    await control.services.database.read(look)


async def test_workers_forget_a_changed_team_before_the_answer(control: Rig) -> None:
    await cast(control)
    service = TeamService(Writer(control.services, "me"), ALL)
    async with control.worker() as worker:
        view, message = await asyncio.gather(service.set_blocked("t", blocked=True), worker.obey(Invalidate))
    assert (view["blocked"], message.entities) == (True, ("team:t",))


async def test_a_new_budget_knows_what_was_spent(control: Rig) -> None:
    await cast(control)
    key = await control.generate(team_id="t", user_id="member")
    journal = control.journal("w")
    journal.append(closed(0, cost=700, key_id=key["token"], team_id="t", user_id="member"))
    await control.ingestion.catch_up("w", 1)
    service = TeamService(Writer(control.services, "me"), ALL)
    await service.update("t", TeamUpdate(team_id="t", max_budget=1.0, team_member_budget=1.0))

    def look(connection: sa.Connection) -> list[int]:
        return [
            spend.of_window(connection, f"budget:{name}:", 0.0)
            for name in ("team:t", "member:t/member", "member:t/team_admin")
        ]

    assert await control.services.database.read(look) == [700, 700, 0]
    await journal.close()


async def test_all_that_goes_is_in_the_audit_log(control: Rig) -> None:
    people = await cast(control)
    await people.post("admin", "/project/new", team_id="t", project_id="x")
    await control.generate(team_id="t")
    await control.generate(project_id="x")
    effects = Effects()

    def change(connection: sa.Connection) -> None:
        row = tenants.TEAMS.get(connection, "t")
        assert row is not None
        remove(connection, [row], Writer(control.services, "me"), effects)
        assert tenants.PROJECTS.all(connection) == []
        assert [member.team_id for member in tenants.TEAM_MEMBERS.all(connection)] == ["s"]

    await control.services.database.write(change)
    codes = [change.code for change in effects.audit]
    assert sorted(codes, key=lambda code: code.name) == [
        EventCode.KEY_DELETED, EventCode.KEY_DELETED, EventCode.PROJECT_DELETED, EventCode.TEAM_DELETED,
    ]  # fmt: skip
    assert "team:t" in effects.forget


async def test_only_a_proxy_admin_says_which_share_of_a_model_a_team_has(control: Rig) -> None:
    people = await cast(control)
    for who in ("team_admin", "org_admin"):
        answer = await people.post(who, "/team/update", team_id="t", metadata={"priority": "live", "note": "x"})
        assert param_of(answer) == (403, "metadata.priority")
    answer = await people.post("org_admin", "/team/new", organization_id="o", metadata={"priority": "live"})
    assert param_of(answer) == (403, "metadata.priority")
    assert (await people.post("admin", "/team/update", team_id="t", metadata={"priority": "live"})).status_code == 200
    answer = await people.post("team_admin", "/team/update", team_id="t", metadata={"priority": "live", "note": "x"})
    assert answer.status_code == 200, "what was there may stay"
    assert param_of(await people.post("team_admin", "/team/update", team_id="t", metadata={})) == (
        403,
        "metadata.priority",
    )


async def test_router_settings_reach_the_keys_and_are_an_administrators(control: Rig) -> None:
    people = await cast(control)
    own = {"num_retries": 1, "fallbacks": [{"demo": ["spare"]}], "model_group_alias": {"fast": "demo"}}
    for who in ("team_admin", "org_admin"):
        answer = await people.post(who, "/team/update", team_id="t", router_settings=own)
        assert param_of(answer) == (403, "router_settings")
    answer = await people.post("org_admin", "/team/new", organization_id="o", router_settings=own)
    assert param_of(answer) == (403, "router_settings")
    assert (await people.post("admin", "/team/update", team_id="t", router_settings=own)).status_code == 200
    shown = await control.get("/team/info", team_id="t")
    assert shown.json()["team_info"]["router_settings"] == own
    made = await control.generate(team_id="t", router_settings={"num_retries": 0})
    answer = await people.post("team_admin", "/key/update", key=made["token"], router_settings={"num_retries": 5})
    assert param_of(answer) == (403, "router_settings")
    record = await control.directory.find(made["token"])
    assert record is not None
    assert record.routing is not None
    assert (record.routing.values.num_retries, record.routing.values.fallbacks) == (0, {"demo": ("spare",)})
    assert record.model_aliases == {"fast": "demo"}
    assert param_of(await control.post("/key/generate", {"router_settings": {"cooldown_time": 5}})) == (
        400,
        "router_settings",
    )
    await control.post("/team/update", {"team_id": "t", "router_settings": None})
    await control.post("/key/update", {"key": made["token"], "router_settings": {}})
    record = await control.directory.find(made["token"])
    assert record is not None
    assert record.routing is None
