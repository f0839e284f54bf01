from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa
from tests.unit.store.samples import KEY_ID, key_row

from phantom_gateway.store import keys
from phantom_gateway.store.database import Database
from phantom_gateway.store.keys import KeyFilter
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.tables import DELETED_KEYS, TOTALS


def test_a_key_comes_back_as_it_was_stored(database: Database) -> None:
    row = key_row(
        alias="mine", models=["a", "b"], metadata={"x": [1]}, max_budget_nano=2**60, expires=1.5, blocked=True
    )
    with database.write() as connection:
        keys.insert(connection, row)
    with database.read() as connection:
        assert keys.get(connection, KEY_ID) == row
        assert keys.get_by_alias(connection, "mine") == row
        assert keys.get(connection, "b" * 64) is None


def test_keys_and_aliases_are_unique(database: Database) -> None:
    with database.write() as connection:
        keys.insert(connection, key_row(alias="mine"))
        with pytest.raises(TakenError):
            keys.insert(connection, key_row())
        with pytest.raises(TakenError):
            keys.insert(connection, key_row("b" * 64, alias="mine"))
        keys.insert(connection, key_row("c" * 64))
        keys.insert(connection, key_row("d" * 64))
        with pytest.raises(TakenError):
            keys.update(connection, key_row("c" * 64, alias="mine"))
        keys.update(connection, key_row(alias="mine", blocked=True, revision=2))


def test_a_deleted_key_leaves_a_tombstone_and_may_come_back(database: Database) -> None:
    row = key_row(alias="mine")
    with database.write() as connection:
        for moment in (10.0, 20.0):
            keys.insert(connection, row)
            keys.delete(connection, row, moment, "admin")
            assert keys.get(connection, KEY_ID) is None
        stones = connection.execute(sa.select(DELETED_KEYS.c.deleted_at, DELETED_KEYS.c.alias)).all()
    assert sorted(stones) == [(10.0, "mine"), (20.0, "mine")]


def test_pages_follow_the_filter_and_the_order(database: Database) -> None:
    rows = [
        key_row(f"{number:064x}", alias=f"k{number}", created_at=float(number), user_id=f"u{number % 2}")
        for number in range(7)
    ]
    with database.write() as connection:
        for row in rows:
            keys.insert(connection, row)
        keys.update(connection, replace(rows[3], blocked=True, revision=2))
        wanted = KeyFilter(user_id="u1")
        assert keys.count(connection, wanted) == 3
        page = keys.page(connection, wanted, ("created_at", True), (0, 2))
        assert [row.alias for row in page] == ["k5", "k3"]
        assert [row.alias for row in keys.page(connection, wanted, ("key_alias", False), (2, 2))] == ["k5"]
        assert [row.alias for row in keys.page(connection, KeyFilter(blocked=True), ("created_at", True), (0, 9))] == [
            "k3"
        ]
        assert sorted(keys.all_ids(connection)) == [row.id for row in rows]


def test_search_takes_wildcards_literally(database: Database) -> None:
    with database.write() as connection:
        keys.insert(connection, key_row(alias="50%_off"))
        keys.insert(connection, key_row("b" * 64, alias="50 percent"))
        assert keys.count(connection, KeyFilter(search="50")) == 2
        assert keys.count(connection, KeyFilter(search="%")) == 1
        assert keys.count(connection, KeyFilter(search="_o")) == 1


def test_expiry_filters(database: Database) -> None:
    with database.write() as connection:
        keys.insert(connection, key_row(expires=100.0))
        keys.insert(connection, key_row("b" * 64))
        assert keys.count(connection, KeyFilter(expires_after=50.0)) == 2
        assert keys.count(connection, KeyFilter(expires_after=100.0)) == 1
        assert keys.count(connection, KeyFilter(expires_before=100.0)) == 1


@pytest.mark.parametrize("hostile", ["' OR '1'='1", "x'; DROP TABLE keys; --", '"', "\\"])
def test_values_are_never_sql(database: Database, hostile: str) -> None:
    with database.write() as connection:
        keys.insert(connection, key_row(alias=hostile))
        assert keys.count(connection, KeyFilter(alias=hostile)) == 1
        assert keys.count(connection, KeyFilter(search=hostile)) == 1
        assert keys.count(connection, KeyFilter(user_id=hostile)) == 0


def test_the_dearest_and_the_cheapest_come_first(database: Database) -> None:
    spent = {"a": 5, "b": None, "c": -2, "d": 0, "e": 9, "f": None, "g": 5}
    with database.write() as connection:
        for name, amount in spent.items():
            keys.insert(connection, key_row(name, blocked=name == "e"))
            if amount is not None:
                values = {"amount_nano": amount, "requests": 1, "last_active": 0.0}
                connection.execute(sa.insert(TOTALS).values(entity=f"key:{name}", **values))
        gone = {"amount_nano": 99, "requests": 1, "last_active": 0.0}
        connection.execute(sa.insert(TOTALS).values(entity="key:gone", **gone))
        connection.execute(sa.insert(TOTALS).values(entity="team:a", **gone))

    def pages(size: int, wanted: KeyFilter, *, descending: bool) -> list[str]:
        found: list[str] = []
        with database.read() as connection:
            for start in range(0, len(spent) + size, size):
                total, rows = keys.listed(connection, wanted, ("spend", descending), (start, size))
                assert total == keys.count(connection, wanted)
                found += [row.id for row in rows]
        return found

    ascending = ["c", "b", "d", "f", "a", "g", "e"]
    for size in range(1, 9):
        assert pages(size, KeyFilter(), descending=False) == ascending
        assert pages(size, KeyFilter(), descending=True) == ascending[::-1]
        assert pages(size, KeyFilter(blocked=False), descending=True) == ascending[-2::-1]
