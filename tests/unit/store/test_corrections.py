from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from tests.unit.store.samples import KEY_ID, closed
from tests.unit.store.test_rollup_fill import batch, faults

from phantom_gateway.store import corrections, spend
from phantom_gateway.store.corrections import OWNER, Correction
from phantom_gateway.store.database import Database
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import REQUESTS

MADE = Correction(
    id="c1", at=1_800_000_000.0, kind="correction", entity=f"key:{KEY_ID}", amount_nano=-3, reason="why",
    request_id="call-1", made_by="me",
)  # fmt: skip


def owner(connection: sa.Connection) -> dict[str, Any]:
    row = connection.execute(sa.select(REQUESTS)).mappings().first()
    assert row is not None
    return {name: row[name] for name in OWNER}


def test_a_correction_counts_everywhere_but_as_a_request(database: Database) -> None:
    DatabaseSink(database).apply(batch([closed(1, cost=5, tags=("t",), end_user="e", team_id="x")], 1))
    with database.write() as connection:
        corrections.book(connection, MADE, owner(connection))
    assert faults(database) == []
    with database.read() as connection:
        total = spend.totals(connection, [MADE.entity])[MADE.entity]
        assert corrections.listed(connection, 5) == [MADE]
    assert (total.amount_nano, total.requests) == (2, 1)


def test_a_key_without_spend_gets_a_total(database: Database) -> None:
    made = replace(MADE, amount_nano=7, entity="key:b")
    columns: dict[str, Any] = dict.fromkeys(OWNER, "") | {"key_id": "b", "tags": "[]"}
    with database.write() as connection:
        corrections.book(connection, made, columns)
        assert spend.totals(connection, ["key:b"])["key:b"].amount_nano == 7


def test_the_newest_windows_of_budgets(database: Database) -> None:
    with database.write() as connection:
        for scope, start, amount in (
            ("budget:key:a:1d", 0.0, 1),
            ("budget:key:a:1d", 86_400.0, 2),
            ("other:x", 0.0, 3),
        ):
            spend.put_window(connection, scope, start, amount)
        assert corrections.newest_windows(connection) == [("budget:key:a:1d", 86_400.0, 2)]
