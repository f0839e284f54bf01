from __future__ import annotations

from typing import Any

from tests.unit.control.rig import Rig
from tests.unit.control.spending_rig import TODAY, day, people, spend

from phantom_gateway.control.spending.active_users import active_users


async def found(control: Rig, length: int, *tags: str) -> list[dict[str, Any]]:
    answer = await control.services.database.read(lambda c: active_users(c, TODAY, length, tags))
    results: list[dict[str, Any]] = answer["results"]
    return results


async def test_users_are_counted_once_in_each_period(control: Rig) -> None:
    await spend(control, await people(control))
    days = await found(control, 1)
    assert [(row["tag"], row["active_users"], row["date"]) for row in days] == [
        (tag, users, day(back)) for back in range(5) for tag, users in (("blue", 1), ("red", 2))
    ]
    assert {(row["period_start"], row["period_end"]) for row in days} == {(None, None)}
    (week,) = await found(control, 7, "red")
    assert (week["active_users"], week["period_start"], week["period_end"]) == (2, day(6), day())
    assert await found(control, 30, "green") == []
