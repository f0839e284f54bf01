from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from tests.unit.control.rig import Rig
from tests.unit.store.samples import KEY_ID, closed, key_row

from phantom_gateway.control import soft_budgets
from phantom_gateway.control.database import AsyncDatabase
from phantom_gateway.control.soft_budgets import SoftBudgets
from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.record import Spend
from phantom_gateway.ledger.replay import Position
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tenants import BudgetRow, CustomerRow, OrganizationMemberRow, TeamMemberRow, TeamRow

NOW = 1_800_000_010.0
STAMPS: dict[str, Any] = {"created_at": 1.0, "updated_at": 1.0}


def watch(control: Rig) -> SoftBudgets:
    return SoftBudgets(control.services.database, lambda: NOW)


def spend(control: Rig, n: int, cost: int, **fields: Any) -> None:
    batch = Batch(incarnation="w", records=(closed(n, cost=cost, **fields),), position=Position(n, 1, n), damage=())
    DatabaseSink(control.services.database.database).apply(batch)


def found(watcher: SoftBudgets) -> list[tuple[str, int, int, float]]:
    return [(alert.entity, alert.soft_budget, alert.spent, alert.window_start) for alert in watcher.alerts]


async def test_an_excess_is_reported_once(control: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    with control.services.database.database.write() as connection:
        keys.insert(connection, key_row(soft_budget_nano=10))
        tenants.TEAMS.insert(connection, TeamRow(id="t", soft_budget_nano=100, **STAMPS))
    watcher = watch(control)
    spend(control, 1, 10, team_id="t")
    await watcher.look()
    assert found(watcher) == []
    spend(control, 2, 5, team_id="t")
    await watcher.look()
    await watcher.look()
    assert found(watcher) == [(f"key:{KEY_ID}", 10, 15, 0.0)]
    assert len([record for record in caplog.records if "soft budget" in record.message]) == 1
    spend(control, 3, 90, team_id="t")
    await watcher.look()
    assert found(watcher)[1:] == [("team:t", 100, 105, 0.0)]


async def test_the_window_is_that_of_the_budget_which_may_be_shared(control: Rig) -> None:
    shared = BudgetRow(id="b", max_budget_nano=1000, soft_budget_nano=10, budget_duration="30d", **STAMPS)
    with control.services.database.database.write() as connection:
        tenants.BUDGETS.insert(connection, shared)
        tenants.CUSTOMERS.insert(connection, CustomerRow(id="c", budget_id="b", **STAMPS))
    watcher = watch(control)
    month = 1_798_761_600.0
    spend(control, 1, 50, end_user="c", spends=(Spend("budget:customer:c:30d", month - 2_678_400, 50),))
    await watcher.look()
    assert found(watcher) == []
    spend(control, 2, 11, end_user="c", spends=(Spend("budget:customer:c:30d", month, 11),))
    await watcher.look()
    assert found(watcher) == [("customer:c", 10, 11, month)]


async def test_who_rests_is_not_looked_at(control: Rig) -> None:
    with control.services.database.database.write() as connection:
        keys.insert(connection, key_row(soft_budget_nano=1))
    spend(control, 1, 10, at_ns=int((NOW - 1000) * 1e9))
    watcher = watch(control)
    await watcher.look()
    assert found(watcher) == []


async def test_it_follows_and_outlives_a_dead_database(control: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soft_budgets, "SECONDS", 0.01)
    monkeypatch.setattr(soft_budgets, "MAX_REPORTED", 0)
    with control.services.database.database.write() as connection:
        keys.insert(connection, key_row(soft_budget_nano=1))
    spend(control, 1, 10)
    watcher = watch(control)
    dead = watcher._database = AsyncDatabase(open_sqlite(control.path / "nowhere" / "phantom.db"))
    await watcher.look()
    assert found(watcher) == []
    watcher.start()
    watcher._database = control.services.database
    for _ in range(500):
        if watcher.alerts:
            break
        await asyncio.sleep(0.01)
    await watcher.stop()
    dead.close()
    assert found(watcher) == [(f"key:{KEY_ID}", 1, 10, 0.0)] * len(watcher.alerts)
    assert watcher.alerts


async def test_members_have_soft_budgets_too(control: Rig) -> None:
    member: dict[str, Any] = {"user_id": "u/x", "role": "user", "soft_budget_nano": 10, **STAMPS}
    day = 1_799_971_200.0
    with control.services.database.database.write() as connection:
        defaults = {"max_budget_nano": 1000, "budget_duration": "1d"}
        tenants.TEAMS.insert(connection, TeamRow(id="t", member_defaults=defaults, **STAMPS))
        tenants.TEAM_MEMBERS.insert(connection, TeamMemberRow(team_id="t", **member))
        tenants.ORGANIZATION_MEMBERS.insert(connection, OrganizationMemberRow(org_id="o", **member))
    watcher = watch(control)
    spent = (Spend("budget:member:t/u/x:1d", day, 11),)
    spend(control, 1, 11, team_id="t", org_id="o", user_id="u/x", spends=spent)
    await watcher.look()
    assert found(watcher) == [("member:t/u/x", 10, 11, day), ("org_member:o/u/x", 10, 11, 0.0)]
