from __future__ import annotations

import math
import time
from typing import Any

import sqlalchemy as sa
from tests.unit.store.samples import key_row

from phantom_gateway.control.usage import budgets
from phantom_gateway.control.usage.budgets import Used
from phantom_gateway.limits.windows import window_bounds
from phantom_gateway.store import keys, schema, spend, tenants
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.tables import KEYS

NOW = time.time()
START, END = window_bounds("30d", NOW, 0.0)


def used(**fields: Any) -> Used:
    values: dict[str, Any] = {
        "kind": "key",
        "id": "k",
        "label": None,
        "limit": 100,
        "spent": 40,
        "start": 0.0,
        "end": 100.0,
    }
    return Used(**values | fields)


def test_a_pace_is_kept_until_the_end() -> None:
    half = used()
    assert (half.projected(50.0), half.out_at(50.0), half.share) == (80, None, 0.4)
    fast = used(spent=60)
    assert (fast.projected(50.0), fast.out_at(50.0)) == (120, 50 + 40 * 50 / 60)
    assert used(spent=5).projected(1.0) is None, "too early to say"
    assert used(spent=100).out_at(1.0) == 1.0
    never = used(end=math.inf)
    assert (never.projected(50.0), never.view(50.0)["resets_at"]) == (None, None)


def test_the_fullest_of_the_present_window_come_first(tmp_path: Any) -> None:
    database = open_sqlite(tmp_path / "b.db")
    schema.migrate(database)
    budget: dict[str, Any] = {"max_budget_nano": 1_000, "budget_duration": "30d"}
    with database.write() as connection:
        made: dict[str, dict[str, Any]] = {
            "full": {}, "half": {}, "little": {}, "past": {}, "blocked": {"blocked": True},
            "ever": {"budget_duration": None}, "raised": {"temp_increase_nano": 1_000, "temp_expiry": NOW + 99},
        }  # fmt: skip
        for name, fields in made.items():
            keys.insert(connection, key_row(name, alias=f"the {name}", **budget | fields))
        team = tenants.TeamRow(id="t", alias="T", created_at=0.0, updated_at=0.0, **budget)
        tenants.TEAMS.insert(connection, team)
        for scope, start, amount in (
            ("key:full:30d", START, 1_000), ("key:half:30d", START, 500), ("key:half:30d", START - 40 * 86_400, 9_000),
            ("key:little:30d", START, 99), ("key:past:30d", START - 40 * 86_400, 1_000), ("key:blocked:30d", START, 1_000),
            ("key:ever:", 0.0, 700), ("key:raised:30d", START, 900), ("team:t:30d", START, 250),
        ):  # fmt: skip
            spend.put_window(connection, f"budget:{scope}", start, amount)
    with database.read() as connection:
        found = budgets.fullest(connection, "key", None, NOW, 10)
        own = budgets.fullest(connection, "key", KEYS.c.id == "half", NOW, 10)
        none = budgets.fullest(connection, "team", sa.false(), NOW, 10)
        past = budgets.one(connection, "key", "past", None, NOW)
        teams = [budgets.one(connection, "team", "t", reach, NOW) for reach in (None, sa.false())]
        kinds = [budgets.fullest(connection, kind, None, NOW, 10) for kind in budgets.TABLES]
    assert {each.id: (each.limit, each.spent) for each in found} == {
        "full": (1_000, 1_000), "raised": (2_000, 900), "ever": (1_000, 700), "half": (1_000, 500),
    }  # fmt: skip
    assert found[0].label == "the full"
    assert [each.id for each in own] == ["half"]
    assert none == []
    assert past is not None
    assert (past.spent, past.end) == (0, END)
    assert [each if each is None else each.spent for each in teams] == [250, None]
    assert [len(each) for each in kinds] == [4, 0, 1, 0, 0, 0, 0]
    database.close()
