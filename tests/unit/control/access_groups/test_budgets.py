from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import ADMIN, Rig
from tests.unit.store.samples import closed

from phantom_gateway.spine.messages import Limit
from phantom_gateway.store import audit
from phantom_gateway.store.audit import AuditFilter

BUDGET = "/access_group/beta/budget"


async def put(control: Rig, **fields: Any) -> Any:
    answer = await control.http.put(BUDGET, json=fields, headers=ADMIN)
    return answer.status_code, answer.json()


async def group(control: Rig) -> str:
    made = await control.post("/v1/access_group", {"access_group_name": "beta", "access_model_names": ["demo"]})
    name: str = made.json()["access_group_id"]
    return name


async def limits(control: Rig, token: str) -> tuple[Limit, ...]:
    record = await control.directory.find(token)
    assert record is not None
    return record.model_limits.get("demo", ())


async def test_whoever_calls_a_model_of_the_group_is_bounded_by_it_at_once(control: Rig) -> None:
    name, key = await group(control), await control.generate()
    assert await limits(control, key["token"]) == ()
    assert (await put(control, max_budget=2.0, budget_duration="1d"))[0] == 200
    (limit,) = await limits(control, key["token"])
    assert (limit.scope, limit.amount) == (f"budget:access_group:{name}:1d", 2 * 10**9)
    await put(control, max_budget=3.0)
    (limit,) = await limits(control, key["token"])
    assert (limit.window, limit.amount) == ("", 3 * 10**9)
    gone = await control.http.delete(BUDGET, headers=ADMIN)
    assert gone.json()["budget_deleted"] is True
    assert await limits(control, key["token"]) == ()
    again = await control.http.delete(BUDGET, headers=ADMIN)
    assert again.json()["budget_deleted"] is False
    events = [each.record.event for each in audit.stream(control.services.database.database, AuditFilter())]
    assert events.count("access_group.updated") == 3


async def test_a_new_budget_knows_what_was_spent_and_is_shown(control: Rig) -> None:
    name = await group(control)
    journal = control.journal("w")
    at_ns = int(control.services.clock() * 1e9)
    for model in ("demo", "other"):
        journal.append(closed(0, cost=600_000_000, at_ns=at_ns, group=model))
    await control.ingestion.catch_up("w", 2)
    await journal.close()
    status, shown = await put(control, max_budget=2.0, budget_duration="1d")
    assert (status, shown["spend"], shown["budget"]["budget_id"], shown["budget"]["max_budget"]) == (
        200,
        0.6,
        name,
        2.0,
    )
    assert shown == (await control.get(BUDGET)).json()
    info = (await control.get("/access_group/beta/info")).json()
    (listed,) = (await control.get("/access_group/list")).json()["access_groups"]
    assert info == listed
    assert (info["spend"], info["budget"]) == (0.6, shown["budget"])
    renamed = await control.http.put(f"/v1/access_group/{name}", json={"access_group_name": "gamma"}, headers=ADMIN)
    assert renamed.status_code == 200
    assert (await control.get("/access_group/gamma/budget")).json()["spend"] == 0.6


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({}, "max_budget"),
        ({"max_budget": -1.0}, "max_budget"),
        ({"max_budget": 1.0, "budget_duration": "soon"}, "budget_duration"),
        ({"max_budget": 1.0, "budget_id": "b"}, "budget_id"),
        ({"max_budget": 1.0, "soft_budget": 1.0}, "soft_budget"),
        ({"max_budget": 1.0, "rpm_limit": 1}, "rpm_limit"),
    ],
)
async def test_what_is_wrong_changes_nothing(control: Rig, fields: dict[str, Any], param: str) -> None:
    await group(control)
    status, body = await put(control, **fields)
    assert (status, body["error"]["param"]) == (400, param)
    assert (await control.get(BUDGET)).json()["budget"] is None


async def test_a_stale_etag_and_a_group_that_is_not_there(control: Rig) -> None:
    await group(control)
    headers = ADMIN | {"if-match": '"9"'}
    assert (await control.http.put(BUDGET, json={"max_budget": 1.0}, headers=headers)).status_code == 412
    for method in ("GET", "PUT", "DELETE"):
        body = {"max_budget": 1.0} if method == "PUT" else None
        answer = await control.http.request(method, "/access_group/none/budget", headers=ADMIN, json=body)
        assert answer.status_code == 404
