from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.unit.control.rig import Rig
from tests.unit.control.spending_rig import TODAY, day, people, spend

from phantom_gateway.control.spending import failures
from phantom_gateway.store.tables import REQUESTS

DAYS = (TODAY - 6, TODAY)
ALL = sa.true()


async def read(control: Rig, query: Any) -> Any:
    return await control.services.database.read(query)


async def test_failures_are_counted_by_model_and_type(control: Rig) -> None:
    await spend(control, await people(control))
    found = await read(control, lambda connection: failures.by_type(connection, DAYS, ALL))
    assert found == {"data": [{"model": "demo", "throttling_error": 10}], "exception_types": ["throttling_error"]}
    ann = REQUESTS.c.user_id == "ann"
    found = await read(control, lambda connection: failures.by_type(connection, (TODAY, TODAY), ann))
    assert found["data"] == [{"model": "demo", "throttling_error": 1}]


async def test_rate_limited_answers_are_counted_by_day_and_deployment(control: Rig) -> None:
    await spend(control, await people(control))
    found = await read(control, lambda connection: failures.rate_limited(connection, DAYS, ALL))
    assert found["sum_num_rate_limit_exceptions"] == 10
    assert found["daily_data"] == [{"date": day(back), "num_rate_limit_exceptions": 2} for back in (4, 3, 2, 1, 0)]
    none = await read(control, lambda connection: failures.rate_limited(connection, (1, 2), ALL))
    assert none == {"daily_data": [], "sum_num_rate_limit_exceptions": 0}
    deployments = await read(control, lambda c: failures.rate_limited_deployments(c, DAYS, ALL))
    assert deployments == [], "none was chosen"
