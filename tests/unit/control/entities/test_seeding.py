from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.store.samples import closed

from phantom_gateway.control.entities.limits import Entity
from phantom_gateway.control.entities.seeding import reset, seeded
from phantom_gateway.store import spend, spend_logs, tenants
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import REQUESTS
from phantom_gateway.store.tenants import BudgetRow, TeamRow

NOW = 1_800_000_001.0
STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}
TEAM = TeamRow(id="t", max_budget_nano=100, **STAMPS)
LOG = [REQUESTS.c.team_id == "t"]


def spent(database: Database) -> None:
    rows = [spend_logs.row_of("w", closed(n, cost=7, team_id="t" if n else "other")) for n in range(3)]
    with database.write() as connection:
        spend_logs.insert(connection, rows)


def test_only_new_budgets_are_seeded(database: Database) -> None:
    spent(database)
    before, after = Entity("team:t", TEAM), Entity("team:t", replace(TEAM, budget_duration="1d", max_budget_nano=9))
    with database.write() as connection:
        assert list(seeded(connection, before, Entity("team:t", replace(TEAM, max_budget_nano=5)), LOG, NOW)) == []
        ((scope, start, amount),) = seeded(connection, before, after, LOG, NOW)
        assert (scope, amount) == ("budget:team:t:1d", 14)
        assert spend.of_window(connection, scope, start) == 14
        assert list(seeded(connection, None, before, LOG, NOW)) == [("budget:team:t:", 0.0, 14)]


def test_a_reset_lowers_and_never_raises(database: Database) -> None:
    spent(database)
    entity = Entity("team:t", replace(TEAM, budget_limits=[{"budget_duration": "1d", "max_budget_nano": 50}]))
    with database.write() as connection:
        list(seeded(connection, None, entity, LOG, NOW))
        assert [amount for _, _, amount in reset(connection, entity, 20, NOW)] == [14, 14]
        assert [amount for _, _, amount in reset(connection, entity, 3, NOW)] == [3, 3]
        assert spend.of_window(connection, "budget:team:t:", 0.0) == 3
        assert reset(connection, Entity("team:x", TeamRow(id="x", **STAMPS)), 0, NOW) == []


def test_budgets_of_a_model_are_seeded_with_what_it_cost(database: Database) -> None:
    rows = [
        spend_logs.row_of("w", closed(n, cost=7, team_id="t", group="m" if n else "other", model="m")) for n in range(3)
    ]
    with database.write() as connection:
        spend_logs.insert(connection, rows)
    own = replace(TEAM, max_budget_nano=None, model_limits={"m": {"max_budget_nano": 9, "rpm_limit": 1}})
    with database.write() as connection:
        seeds = list(seeded(connection, None, Entity("team:t", own), LOG, NOW))
        assert seeds == [("budget:team:t/model:m:", 0.0, 14)]
        assert list(seeded(connection, Entity("team:t", own), Entity("team:t", own), LOG, NOW)) == []


def test_budgets_that_come_from_a_shared_one_are_seeded(database: Database) -> None:
    spent(database)
    with database.write() as connection:
        tenants.BUDGETS.insert(connection, BudgetRow(id="b", max_budget_nano=50, **STAMPS))
        referring = Entity("team:t", TeamRow(id="t", budget_id="b", **STAMPS))
        assert list(seeded(connection, None, referring, LOG, NOW)) == [("budget:team:t:", 0.0, 14)]
