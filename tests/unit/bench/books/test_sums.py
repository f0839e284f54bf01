from __future__ import annotations

from pathlib import Path
from typing import Any

import sqlalchemy as sa
from bench.books.rules import Line
from bench.books.sums import Budget, budgeted, compare, entities_of

from phantom_gateway.store import schema
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.tables import OPEN_RECORDS, SPEND, TOTALS


def line(**fields: Any) -> Line:
    nobody = dict.fromkeys(("user_id", "team_id", "org_id", "project_id", "end_user"))
    return nobody | {"key_id": "k", "tags": "[]", "cost_nano": 7} | fields


def test_whom_a_row_belongs_to() -> None:
    whole = line(user_id="u", team_id="t", org_id="o", project_id="p", end_user="c", tags='["a", "b"]')
    assert entities_of(whole) == [
        "key:k", "user:u", "team:t", "member:t/u", "org:o", "org_member:o/u", "project:p", "customer:c", "tag:a", "tag:b",
    ]  # fmt: skip
    assert "user:u" not in budgeted(whole)
    assert "user:u" in budgeted(line(user_id="u"))


def test_totals_and_windows(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "phantom.db")
    schema.migrate(database)
    with database.write() as connection:
        connection.execute(
            sa.insert(TOTALS), [{"entity": "key:k", "amount_nano": 14, "requests": 2, "last_active": 1.0}]
        )
        connection.execute(
            sa.insert(SPEND),
            [
                {"scope": "budget:key:k:30s", "window_start": 0.0, "amount_nano": 7},
                {"scope": "budget:key:k:30s", "window_start": 30.0, "amount_nano": 7},
            ],
        )
    rows = [line(), line()]
    fine = compare(database, rows, [Budget("key:k", "30s", 7)], worth=1)
    assert (fine.faults, fine.totals, fine.budgets, fine.windows, fine.exhausted) == ([], 1, 1, 2, 2)
    assert (fine.rows, fine.nano) == (2, 14)
    over = compare(database, rows, [Budget("key:k", "30s", 6)], worth=1)
    assert [fault.partition(":")[0] for fault in over.faults] == ["overspent", "overspent"]
    assert len(compare(database, [line()], [Budget("key:k", "30s", 9)], worth=1).faults) == 2
    assert compare(database, rows, [Budget("key:k", "", 9)], worth=1).faults == [
        "budget:key:k:: 0 in 0 windows, rows say 14"
    ]
    with database.write() as connection:
        connection.execute(sa.insert(OPEN_RECORDS), [{"incarnation": "i", "number": 1, "record": b""}])
    assert compare(database, rows, [], worth=1).faults == ["1 records are still open"]
    database.close()
