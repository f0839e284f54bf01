from __future__ import annotations

from typing import Any

import pytest
from tests.unit.control.rig import Rig, bearer
from tests.unit.store.samples import closed

from phantom_gateway.control.routers.spend import NEXT_CURSOR

DAY = 86_400_000_000_000
START = 1_800_000_000_000_000_000


async def fill(control: Rig, *keys: str, count: int = 4) -> None:
    journal = control.journal("w")
    for number in range(count):
        journal.append(
            closed(
                0,
                id=f"call-{number}",
                cost=10**8,
                key_id=keys[number % len(keys)],
                user_id="u",
                at_ns=START + number * DAY,
            )
        )
    await control.ingestion.catch_up("w", count)
    await journal.close()


async def calls(control: Rig, **query: Any) -> list[str]:
    answer = await control.get("/spend/logs", **query)
    assert answer.status_code == 200, answer.text
    return [row["request_id"] for row in answer.json()]


async def test_rows_are_filtered(control: Rig) -> None:
    one, two = await control.generate(), await control.generate()
    await fill(control, one["token"], two["token"])
    assert await calls(control) == ["call-3", "call-2", "call-1", "call-0"]
    assert (
        await calls(control, api_key=one["key"]) == await calls(control, api_key=one["token"]) == ["call-2", "call-0"]
    )
    assert await calls(control, request_id="call-3") == ["call-3"]
    assert await calls(control, user_id="nobody") == []
    day = {"start_date": "2027-01-16", "end_date": "2027-01-17", "summarize": "false"}
    assert await calls(control, **day) == ["call-2", "call-1"]
    assert await calls(control, start_date="2027-01-17 00:00:00") == ["call-3", "call-2"]


async def test_days_are_summarized_as_in_litellm(control: Rig) -> None:
    made = await control.generate()
    await fill(control, made["token"])
    answer = await control.get("/spend/logs", start_date="2027-01-15", end_date="2027-01-16")
    assert answer.json() == [
        {"startTime": "2027-01-15", "spend": 0.1, "users": {"u": 0.1}, "models": {"demo": 0.1}},
        {"startTime": "2027-01-16", "spend": 0.1, "users": {"u": 0.1}, "models": {"demo": 0.1}},
    ]


async def test_pages_are_chained_by_the_cursor(control: Rig) -> None:
    made = await control.generate()
    await fill(control, made["token"], count=5)
    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        answer = await control.get("/spend/logs", **query)
        seen += [row["request_id"] for row in answer.json()]
        if NEXT_CURSOR not in answer.headers:
            break
        query["cursor"] = answer.headers[NEXT_CURSOR]
    assert seen == [f"call-{number}" for number in (4, 3, 2, 1, 0)]


async def test_a_virtual_key_sees_its_own_rows(control: Rig) -> None:
    mine, other = await control.generate(), await control.generate()
    await fill(control, mine["token"], other["token"])
    own = await control.get("/spend/logs", headers=bearer(mine["key"]))
    assert {row["api_key"] for row in own.json()} == {mine["token"]}
    by_id = await control.get("/spend/logs", headers=bearer(mine["key"]), request_id="call-1")
    assert by_id.json() == []
    refused = await control.get("/spend/logs", headers=bearer(mine["key"]), api_key=other["token"])
    assert (refused.status_code, refused.json()) == (200, [])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("start_date", "soon"),
        ("end_date", "9999999"),
        ("limit", 0),
        ("limit", 10_001),
        ("cursor", "x"),
        ("cursor", "1.x"),
        ("foo", "1"),
    ],
)
async def test_bad_parameters_are_named(control: Rig, name: str, value: Any) -> None:
    answer = await control.get("/spend/logs", **{name: value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, name)
