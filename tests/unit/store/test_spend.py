from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.store.samples import KEY_ID, closed

from phantom_gateway.store import spend, spend_logs
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import REQUESTS, SPEND

START = 1_800_000_000.0


def test_windows_are_looked_up_in_bulk(database: Database) -> None:
    windows = [(f"budget:key:{number}:1d", float(number)) for number in range(450)]
    with database.write() as connection:
        connection.execute(
            sa.insert(SPEND),
            [{"scope": scope, "window_start": start, "amount_nano": 3} for scope, start in windows[::2]],
        )
        found = spend.of_windows(connection, windows)
    assert found == dict.fromkeys(windows[::2], 3)


def test_a_new_budget_begins_with_what_its_window_has_seen(database: Database) -> None:
    rows = [spend_logs.row_of("w", closed(n, cost=10**n)) for n in range(4)]
    with database.write() as connection:
        spend_logs.insert(connection, rows)
        assert spend.seed_window(connection, KEY_ID, "s", START + 0.002) == ("s", START + 0.002, 1100)
        assert spend.of_window(connection, "s", START + 0.002) == 1100
        assert spend.seed_window(connection, "b" * 64, "t", 0.0) == ("t", 0.0, 0)


def test_a_window_never_loses_what_is_booked_in_it(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.insert(SPEND).values(scope="s", window_start=0.0, amount_nano=50))
        spend_logs.insert(connection, [spend_logs.row_of("w", closed(1, cost=7))])
        assert spend.seed_window(connection, KEY_ID, "s", 0.0) == ("s", 0.0, 50)


def test_who_never_spent_is_missing(database: Database) -> None:
    with database.read() as connection:
        assert spend.totals(connection, ["key:x"]) == {}
        assert spend.of_window(connection, "s", 0.0) == 0


def test_any_rows_of_the_log_may_seed_a_budget(database: Database) -> None:
    rows = [spend_logs.row_of("w", closed(n, cost=10**n, team_id="t" if n else None)) for n in range(3)]
    with database.write() as connection:
        spend_logs.insert(connection, rows)
        assert spend.seed(connection, [REQUESTS.c.team_id == "t"], "s", 0.0) == ("s", 0.0, 110)
        assert spend.put_window(connection, "s", 0.0, 5) == ("s", 0.0, 5)
        assert spend.of_window(connection, "s", 0.0) == 5


ROWS: tuple[dict[str, Any], ...] = (
    {"cost": 1, "user_id": "u", "group": "m"},
    {"cost": 10, "user_id": "u", "team_id": "t", "org_id": "o", "project_id": "p", "group": "m"},
    {"cost": 100, "user_id": "v", "team_id": "t", "org_id": "o", "end_user": "c", "tags": ("a", 'x"y', "%")},
    {"cost": 1000, "user_id": "u/t", "team_id": "s", "tags": ("A", "ab")},
)


@pytest.mark.parametrize(
    ("entity", "spent"),
    [
        ("user:u", 1),
        ("user:u/model:m", 1),
        ("user:u/model:n", 0),
        ("team:t", 110),
        ("team:t/model:m", 10),
        ("member:t/u", 10),
        ("member:s/u/t", 1000),
        ("org:o", 110),
        ("org_member:o/u", 10),
        ("project:p", 10),
        ("customer:c", 100),
        ("tag:a", 100),
        ("tag:A", 1000),
        ("tag:b", 0),
        ("tag:%", 100),
        ('tag:x"y', 100),
        ("tag:x", 0),
        (f"key:{KEY_ID}", 1111),
    ],
)
def test_everybody_has_rows_of_its_own(database: Database, entity: str, spent: int) -> None:
    with database.write() as connection:
        spend_logs.insert(connection, [spend_logs.row_of("w", closed(n, **row)) for n, row in enumerate(ROWS)])
        assert spend.seed(connection, spend.rows_of(entity), "s", 0.0) == ("s", 0.0, spent)


def test_nobody_spends_as_something_else() -> None:
    with pytest.raises(ValueError, match="budget"):
        spend.rows_of("budget:b")
