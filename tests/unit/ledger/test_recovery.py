from __future__ import annotations

from tests.unit.ledger.samples import SCOPE, opened

from phantom_gateway.ledger.record import Spend
from phantom_gateway.ledger.recovery import INTERRUPTED, close_all, close_interrupted


def test_an_interrupted_request_is_billed_with_its_estimate() -> None:
    record = opened("r", 500)
    record.n = 7
    row = close_interrupted(record, record.at_ns + 2_000_000)
    assert (row.n, row.opened, row.id) == (-7, 7, "r")
    assert (row.status, row.error_type, row.usage.source) == ("interrupted", INTERRUPTED, "estimated")
    assert row.cost.total == sum(row.cost[1:]) == 500
    assert row.spends == (Spend(SCOPE, 0.0, 500),)
    assert row.duration_us == 2000
    assert close_all([record], record.at_ns + 2_000_000) == (row,)


def test_a_budget_is_charged_at_most_what_was_reserved() -> None:
    record = opened("r", 500)
    record.estimate = 900
    row = close_interrupted(record, 0)
    assert row.cost.total == 900
    assert row.spends == (Spend(SCOPE, 0.0, 500),)
    assert row.duration_us == 0
