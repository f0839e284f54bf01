from __future__ import annotations

import math
from datetime import UTC, datetime

from tests.unit.store.samples import key_row

from phantom_gateway.control.keys.budgets import budgets_of, reset_at, spend_window, window_of

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
DECEMBER = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
NOVEMBER = datetime(2026, 11, 1, tzinfo=UTC).timestamp()


def test_the_main_budget_comes_first() -> None:
    row = key_row(
        max_budget_nano=5, budget_duration="30d", budget_limits=[{"budget_duration": "1d", "max_budget_nano": 2}]
    )
    assert [(limit.window, limit.amount) for limit in budgets_of(row)] == [("30d", 5), ("1d", 2)]


def test_spend_is_that_of_the_window_or_of_the_whole_life() -> None:
    row = key_row(max_budget_nano=5, budget_duration="30d")
    assert spend_window(row, NOON) == (f"budget:key:{row.id}:30d", NOVEMBER)
    assert spend_window(key_row(max_budget_nano=5), NOON) is None
    assert spend_window(key_row(budget_duration="30d"), NOON) is None


def test_a_reset_is_arithmetic() -> None:
    assert reset_at("30d", 0.0, NOON) == DECEMBER
    assert reset_at("1d", 0.0, NOON) == NOON + 12 * 3600
    assert reset_at(None, 0.0, NOON) is None
    (forever,) = budgets_of(key_row(max_budget_nano=5))
    assert window_of(forever, NOON) == (0.0, math.inf)
