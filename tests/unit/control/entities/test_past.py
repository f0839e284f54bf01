from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.store.samples import closed, key_row

from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.past import complete, past_of, require_budget
from phantom_gateway.control.errors import ApiError
from phantom_gateway.store import spend_logs, tenants
from phantom_gateway.store.database import Database

NOW = 1_800_000_100.0


def test_budgets_that_are_new_begin_with_what_was_spent(database: Database) -> None:
    row = key_row(max_budget_nano=9, model_limits={"demo": {"max_budget_nano": 9, "budget_duration": "1d"}})
    entity = Entity(f"key:{row.id}", row)
    with database.write() as connection:
        spend_logs.insert(connection, [spend_logs.row_of("w", closed(1, cost=7))])
        found = {scope: amount for scope, _, amount in past_of(connection, entity, None, NOW)}
        assert found == {f"budget:key:{row.id}:": 7, f"budget:key:{row.id}/model:demo:1d": 7}
        assert past_of(connection, entity, row, NOW) == []
        more = Entity(entity.name, replace(row, budget_limits=[{"budget_duration": "1h", "max_budget_nano": 1}]))
        assert [scope for scope, _, _ in past_of(connection, more, row, NOW)] == [f"budget:key:{row.id}:1h"]


def test_a_budget_that_is_referred_to_counts(database: Database) -> None:
    row = key_row(budget_id="b")
    with database.write() as connection:
        with pytest.raises(ApiError, match="budget"):
            require_budget(connection, "b")
        budget = tenants.BudgetRow(id="b", max_budget_nano=5, created_at=0.0, updated_at=0.0)
        tenants.BUDGETS.insert(connection, budget)
        require_budget(connection, "b")
        assert complete(connection, row).max_budget_nano == 5
        assert complete(connection, key_row()) == key_row()
