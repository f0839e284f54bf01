from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.unit.control.rig import Rig
from tests.unit.control.spending_rig import TODAY, day, people, spend

from phantom_gateway.control.spending import latency
from phantom_gateway.store.rollups import Question

WEEK = Question(first=TODAY - 6, last=TODAY)


async def read(control: Rig, query: Any) -> Any:
    return await control.services.database.read(query)


async def test_seconds_per_token_are_by_day_and_model(control: Rig) -> None:
    await spend(control, await people(control))
    found = await read(control, lambda connection: latency.per_token(connection, WEEK))
    assert found["all_api_bases"] == ["demo"]
    assert [row["date"] for row in found["data"]] == [day(back) for back in (4, 3, 2, 1, 0)]
    assert {row["demo"] for row in found["data"]} == {0.0015 / 11}
    streams = await read(control, lambda connection: latency.first_byte(connection, WEEK))
    assert streams == {"data": [], "all_api_bases": []}, "nothing was timed"


async def test_slow_answers_are_counted_within_the_days(control: Rig) -> None:
    await spend(control, await people(control))
    only = sa.true()
    for threshold, count in ((0.001, 20), (0.0015, 20), (0.002, 0)):
        found = await read(control, lambda c, s=threshold: latency.slow(c, WEEK, s, only))
        assert found == [{"api_base": "demo", "total_count": 20, "slow_count": count}]
    before = Question(first=TODAY - 60, last=TODAY - 30)
    assert await read(control, lambda connection: latency.slow(connection, before, 0.0, only)) == []
