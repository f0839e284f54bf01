from __future__ import annotations

import math
from datetime import UTC, datetime

from tests.unit.store.samples import key_row

from phantom_gateway.control.entities.limits import (
    Entity,
    budgets_of,
    completed,
    model_limits_of,
    reset_at,
    spend_window,
    window_of,
)
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.tenants import BudgetRow

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC).timestamp()


def entity(row: KeyRow) -> Entity:
    return Entity(f"key:{row.id}", row)


def test_the_main_budget_comes_first() -> None:
    row = key_row(
        max_budget_nano=5, budget_duration="30d", budget_limits=[{"budget_duration": "1d", "max_budget_nano": 2}]
    )
    assert [(limit.window, limit.amount) for limit in budgets_of(entity(row), NOON)] == [("30d", 5), ("1d", 2)]


def test_spend_is_that_of_the_window_or_of_the_whole_life() -> None:
    row = key_row(max_budget_nano=5, budget_duration="30d")
    assert spend_window(entity(row), NOON) == (f"budget:key:{row.id}:30d", NOVEMBER)
    assert spend_window(entity(key_row(max_budget_nano=5)), NOON) == (f"budget:key:{row.id}:", 0.0)
    assert spend_window(entity(key_row(budget_duration="30d")), NOON) is None


def test_a_reset_is_arithmetic() -> None:
    assert reset_at("30d", 0.0, NOON) == DECEMBER
    assert reset_at("1d", 0.0, NOON) == NOON + 12 * 3600
    assert reset_at(None, 0.0, NOON) is None
    (forever,) = budgets_of(entity(key_row(max_budget_nano=5)), NOON)
    assert window_of(forever, NOON) == (0.0, math.inf)


def test_a_temporary_increase_ends_by_itself() -> None:
    row = key_row(max_budget_nano=5, temp_increase_nano=3, temp_expiry=NOON)
    assert [limit.amount for limit in budgets_of(entity(row), NOON - 1)] == [8]
    assert [limit.amount for limit in budgets_of(entity(row), NOON)] == [5]


def test_models_have_counters_of_their_own() -> None:
    row = key_row(model_limits={"m": {"max_budget_nano": 7, "budget_duration": "1d", "rpm_limit": 2}, "empty": {}})
    found = model_limits_of(entity(row))
    name = f"key:{row.id}/model:m"
    assert [(limit.scope, limit.amount) for limit in found["m"]] == [
        (f"requests:{name}:60s", 2),
        (f"budget:{name}:1d", 7),
    ]
    assert set(found) == {"m"}


def test_what_is_not_set_comes_from_the_budget_referred_to() -> None:
    budget = BudgetRow(
        id="b", created_at=0.0, updated_at=0.0, rpm_limit=9, tpm_limit=8, max_budget_nano=100, budget_duration="1d"
    )
    own = completed(key_row(rpm_limit=1, budget_duration="30d"), budget)
    assert (own.rpm_limit, own.tpm_limit, own.max_budget_nano, own.budget_duration) == (1, 8, 100, "1d")
    kept = completed(key_row(max_budget_nano=3, budget_duration="30d"), budget)
    assert (kept.max_budget_nano, kept.budget_duration) == (3, "30d")
    assert completed(key_row(), None) == key_row()


def test_further_windows_come_from_the_budget_referred_to_unless_they_are_said() -> None:
    day, week = ({"budget_duration": each, "max_budget_nano": 1} for each in ("1d", "7d"))
    shared = BudgetRow(
        id="b", created_at=0.0, updated_at=0.0, max_budget_nano=9, budget_duration="30d", budget_limits=[day, week]
    )
    assert completed(key_row(), shared).budget_limits == [day, week]
    own = completed(key_row(max_budget_nano=3, budget_duration="1d"), shared)
    assert (own.max_budget_nano, own.budget_limits) == (3, [week])
    month = {"budget_duration": "30d", "max_budget_nano": 2}
    said = completed(key_row(budget_limits=[month]), shared)
    assert (said.max_budget_nano, said.budget_limits) == (None, [month])
