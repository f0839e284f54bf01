from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.rig import Rig
from tests.unit.store.samples import KEY_ID, key_row

from phantom_gateway.control.entities.limits import spend_window
from phantom_gateway.control.keys.view import entity_of, views
from phantom_gateway.store.tables import SPEND, TOTALS

NOW = 1_800_000_000.0


async def test_spend_is_the_window_and_total_spend_the_life(control: Rig) -> None:
    row = key_row(
        max_budget_nano=10**9,
        budget_duration="1d",
        budget_limits=[{"budget_duration": "1h", "max_budget_nano": 5 * 10**8}],
    )
    window = spend_window(entity_of(row), NOW)
    assert window is not None

    def change(connection: sa.Connection) -> None:
        connection.execute(sa.insert(SPEND).values(scope=window[0], window_start=window[1], amount_nano=250_000_000))
        connection.execute(sa.insert(SPEND).values(scope=window[0], window_start=window[1] - 86400, amount_nano=1))
        values = {"entity": f"key:{KEY_ID}", "amount_nano": 123_456_789, "requests": 3, "last_active": NOW}
        connection.execute(sa.insert(TOTALS).values(values))

    await control.services.database.write(change)
    (view,) = await control.services.database.read(lambda connection: views(connection, [row], NOW))
    assert (view["spend"], view["total_spend"], view["max_budget"]) == (0.25, 0.123456789, 1.0)
    assert view["budget_reset_at"] == "2027-01-16T00:00:00.000000Z"
    assert view["budget_limits"] == [
        {"budget_duration": "1h", "max_budget": 0.5, "reset_at": "2027-01-15T09:00:00.000000Z"}
    ]
    assert view["last_active"] == "2027-01-15T08:00:00.000000Z"
    (lifelong,) = await control.services.database.read(lambda connection: views(connection, [key_row()], NOW))
    assert (lifelong["spend"], lifelong["budget_reset_at"]) == (0.123456789, None)
