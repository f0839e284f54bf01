from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import Rig, bearer
from tests.unit.control.spending_rig import WEEK, people, spend

from phantom_gateway.store.proof import prove


async def total(control: Rig) -> float:
    found: float = (await control.get("/global/spend")).json()["spend"]
    return found


async def test_a_wrong_price_is_taken_back(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    body = {"request_id": "bob-0", "amount": -1.25, "reason": "price was wrong"}
    answer = await control.post("/spend/corrections", body)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["amount"], answer.json()["entity"]) == (-1.25, f"key:{made.tokens['bob']}")
    assert await total(control) == 13.75
    logged = (await control.get("/spend/logs", request_id=answer.json()["id"])).json()[0]
    assert (logged["call_type"], logged["spend"], logged["user"]) == ("correction", -1.25, "bob")
    info = (await control.get("/key/info", key=made.tokens["bob"])).json()["info"]
    assert info["total_spend"] == 8.75
    activity = (await control.get("/user/daily/activity/aggregated", **WEEK)).json()["metadata"]
    assert activity["total_api_requests"] == 20, "a correction is no request"
    searched = (await control.get("/spend/logs/v2", **WEEK)).json()
    assert searched["total"] == len(searched["data"]) == 21
    assert (await control.get("/spend/corrections")).json() == [answer.json()]
    audit = (await control.get("/audit")).json()["audit_logs"][0]
    assert (audit["event"], audit["object_id"]) == ("spend.corrected", answer.json()["id"])
    checks = prove(control.services.database.database, control.path / "journal")
    assert [check for check in checks if not check.ok] == []


async def test_budgets_learn_of_it(control: Rig) -> None:
    key = await control.generate(max_budget=10, budget_duration="30d")
    for amount, spent in ((2.5, 2.5), (-1, 1.5)):
        body = {"api_key": key["key"], "amount": amount, "reason": "moved"}
        assert (await control.post("/spend/corrections", body)).status_code == 200
        info = (await control.get("/key/info", key=key["token"])).json()["info"]
        assert (info["spend"], info["total_spend"]) == (spent, spent)


async def test_a_reset_starts_windows_anew_and_keeps_the_log(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    key = await control.generate(max_budget=10, budget_duration="30d")
    await control.post("/spend/corrections", {"api_key": key["key"], "amount": 2, "reason": "moved"})
    answer = await control.post("/global/spend/reset", {})
    assert answer.json()["status"] == "success"
    info = (await control.get("/key/info", key=key["token"])).json()["info"]
    assert (info["spend"], info["total_spend"]) == (0.0, 2.0)
    assert await total(control) == 17.0
    kept = (await control.get("/spend/corrections")).json()
    assert {(each["kind"], each["amount"]) for each in kept} >= {("reset", -2.0)}
    assert (await control.get("/audit")).json()["audit_logs"][0]["event"] == "spend.reset"


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({"amount": 1, "reason": "x"}, 400, "request_id"),
        ({"amount": 1, "reason": "x", "api_key": "a", "request_id": "b"}, 400, "request_id"),
        ({"amount": 0, "reason": "x", "request_id": "bob-0"}, 400, "amount"),
        ({"amount": -11, "reason": "x", "request_id": "bob-0"}, 400, "amount"),
        ({"amount": 1e300, "reason": "x", "request_id": "bob-0"}, 400, "amount"),
        ({"amount": 1, "reason": "", "request_id": "bob-0"}, 400, "reason"),
        ({"amount": 1, "reason": "x", "request_id": "no-such"}, 404, "request_id"),
        ({"amount": 1, "reason": "x", "api_key": "sk-none"}, 404, "api_key"),
        ({"amount": 1, "reason": "x", "request_id": "bob-0", "more": 1}, 400, "more"),
    ],
)
async def test_bad_input_changes_nothing(control: Rig, body: dict[str, Any], status: int, field: str) -> None:
    await spend(control, await people(control))
    answer = await control.post("/spend/corrections", body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, field), answer.text
    assert await total(control) == 15.0
    assert (await control.get("/spend/corrections")).json() == []


async def test_only_administrators_correct(control: Rig) -> None:
    made = await people(control)
    await spend(control, made)
    body = {"request_id": "ann-0", "amount": -1, "reason": "me"}
    for name in ("ann", "lead", "boss"):
        for path in ("/spend/corrections", "/global/spend/reset"):
            assert (await control.post(path, body, bearer(made.keys[name]))).status_code == 403
    assert await total(control) == 15.0
