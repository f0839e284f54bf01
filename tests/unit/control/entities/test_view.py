from __future__ import annotations

from datetime import UTC, datetime

import sqlalchemy as sa

from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.view import allowance_view, spends
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import SPEND, TOTALS
from phantom_gateway.store.tenants import Allowance

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
OWN = Allowance(
    created_at=0.0,
    updated_at=0.0,
    max_budget_nano=1_500_000_000,
    budget_duration="1d",
    budget_limits=[{"budget_duration": "1h", "max_budget_nano": 500_000_000}],
    model_limits={"m": {"max_budget_nano": 10**9, "budget_duration": "1d", "rpm_limit": 2}, "n": {"tpm_limit": 3}},
)


def test_money_is_shown_in_dollars_and_moments_in_iso() -> None:
    view = allowance_view(OWN, NOON)
    assert (view["max_budget"], view["budget_reset_at"]) == (1.5, "2026-11-24T00:00:00.000000Z")
    assert view["budget_limits"][0]["max_budget"] == 0.5
    assert view["model_max_budget"] == {"m": {"max_budget": 1.0, "budget_duration": "1d"}}
    assert (view["model_rpm_limit"], view["model_tpm_limit"]) == ({"m": 2}, {"n": 3})


def test_spend_is_that_of_the_present_window(database: Database) -> None:
    today = NOON - 12 * 3600
    with database.write() as connection:
        rows = [
            {"scope": "budget:team:t:1d", "window_start": start, "amount_nano": amount}
            for start, amount in ((today, 250_000_000), (today - 86400, 7))
        ]
        connection.execute(sa.insert(SPEND), rows)
        total = {"entity": "team:t", "amount_nano": 900_000_000, "requests": 4, "last_active": NOON}
        connection.execute(sa.insert(TOTALS).values(total))
        found = spends(connection, [Entity("team:t", OWN), Entity("team:none", OWN)], NOON)
    assert (found["team:t"]["spend"], found["team:t"]["total_spend"]) == (0.25, 0.9)
    assert found["team:none"] == {"spend": 0.0, "total_spend": 0.0, "last_active": None}
