from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.rig import Rig

from phantom_gateway.control.customers.view import kind, views
from phantom_gateway.store.tables import SPEND
from phantom_gateway.store.tenants import BUDGETS, BudgetRow, CustomerRow

NOW = 1_800_000_000.0


async def test_spend_is_that_of_the_budget_referred_to(control: Rig) -> None:
    row = CustomerRow(id="c", budget_id="b", created_at=0.0, updated_at=0.0)

    def change(connection: sa.Connection) -> None:
        BUDGETS.insert(connection, BudgetRow(id="b", max_budget_nano=10**9, created_at=0.0, updated_at=0.0))
        connection.execute(sa.insert(SPEND).values(scope="budget:customer:c:", window_start=0.0, amount_nano=5 * 10**8))

    await control.services.database.write(change)
    (view,) = await control.services.database.read(lambda connection: views(connection, [row], NOW))
    assert (view["spend"], view["max_budget"], view["litellm_budget_table"]["max_budget"]) == (0.5, None, 1.0)
    assert kind().name == "customer"
