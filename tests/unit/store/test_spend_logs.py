from __future__ import annotations

import json

import pytest
from tests.unit.store.samples import KEY_ID, closed

from phantom_gateway.ledger.usage import Usage
from phantom_gateway.store import spend_logs
from phantom_gateway.store.database import Database, DatabaseError
from phantom_gateway.store.spend_logs import LogFilter
from phantom_gateway.store.tables import REQUESTS

DAY = 1_800_000_000 // 86_400


def test_a_row_keeps_every_field_of_the_record(database: Database) -> None:
    usage = Usage(
        input=1, cache_read=2, cache_write_5m=3, cache_write_1h=4, output=5, reasoning=6, images=0, flags=("a", "b")
    )
    record = closed(
        1, usage=usage, tags=("x",), end_user="me", status="failure", http_status=502, ttft_us=9, client_left=True
    )
    with database.write() as connection:
        spend_logs.insert(connection, [spend_logs.row_of("w", record)])
        (row,) = spend_logs.page(connection, LogFilter(), None, 10)
    assert spend_logs.usage_of(row) == {name: getattr(usage, name) for name in spend_logs._USAGE}
    assert (row["number"], row["usage_flags"], row["tags"], row["end_user"]) == (1, "a,b", '["x"]', "me")
    assert (row["status"], row["http_status"], row["ttft_us"], row["client_left"]) == ("failure", 502, 9, True)
    assert row["started_at"] == record.at_ns // 1000
    assert (row["cost_nano"], json.loads(row["cost_parts"])) == (record.cost.total, list(record.cost[1:]))


def test_a_row_has_every_column_in_its_place(database: Database) -> None:
    names = spend_logs.COLUMNS
    assert sorted(names) == sorted(column.name for column in REQUESTS.columns if column.name != "row_id")
    values = spend_logs.row_of("w", closed(1, key_alias="alias", team_id="t", session_id="s", trace_id="r"))
    with database.write() as connection:
        spend_logs.insert(connection, [values])
        (row,) = spend_logs.page(connection, LogFilter(), None, 10)
    assert {name: row[name] for name in names} == dict(zip(names, values, strict=True))


@pytest.mark.parametrize(("paramstyle", "mark"), [("qmark", "?"), ("pyformat", "%s"), ("format", "%s")])
def test_the_insertion_is_spoken_as_the_driver_wants_it(paramstyle: str, mark: str) -> None:
    statement = spend_logs._insertion(paramstyle)
    assert statement.endswith(f"VALUES ({', '.join([mark] * len(spend_logs.COLUMNS))})")


def test_pages_go_back_in_time_without_gap_or_overlap(database: Database) -> None:
    with database.write() as connection:
        same_time = [closed(n, at_ns=1_800_000_000_000_000_000 + (n // 3) * 1000) for n in range(10)]
        spend_logs.insert(connection, [spend_logs.row_of("w", record) for record in same_time])
        seen: list[int] = []
        before = None
        while rows := spend_logs.page(connection, LogFilter(), before, 3):
            seen += [row["number"] for row in rows]
            before = rows[-1]["started_at"], rows[-1]["row_id"]
    assert seen == list(range(9, -1, -1))


def test_filters(database: Database) -> None:
    with database.write() as connection:
        rows = [spend_logs.row_of("w", closed(n, key_id="ab"[n % 2] * 64, user_id=f"u{n}")) for n in range(4)]
        spend_logs.insert(connection, rows)

        def numbers(wanted: LogFilter) -> list[int]:
            return [row["number"] for row in spend_logs.page(connection, wanted, None, 10)]

        assert numbers(LogFilter(key_id=KEY_ID)) == [2, 0]
        assert numbers(LogFilter(request_id="call-3")) == [3]
        assert numbers(LogFilter(user_id="u1")) == [1]
        starts = [row[spend_logs.COLUMNS.index("started_at")] for row in rows]
        assert numbers(LogFilter(since=starts[1], until=starts[3])) == [2, 1]


def test_no_record_is_stored_twice(database: Database) -> None:
    with database.write() as connection:
        spend_logs.insert(connection, [spend_logs.row_of("w", closed(1))])
    with pytest.raises(DatabaseError), database.write() as connection:
        spend_logs.insert(connection, [spend_logs.row_of("w", closed(1))])
