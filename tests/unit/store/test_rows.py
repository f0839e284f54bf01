from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from phantom_gateway.store.database import Database
from phantom_gateway.store.rows import StaleError, TakenError
from phantom_gateway.store.tenancy_tables import USERS as TABLE
from phantom_gateway.store.tenants import TEAM_MEMBERS, USERS, TeamMemberRow, UserRow


def user(name: str, **fields: Any) -> UserRow:
    return UserRow(id=name, role="internal_user", created_at=1.0, updated_at=1.0, **fields)


def test_a_row_comes_back_as_it_was_stored(database: Database) -> None:
    row = user("u", email="u@example.com", metadata={"a": [1]}, model_limits={"m": {"rpm_limit": 1}}, blocked=True)
    with database.write() as connection:
        USERS.insert(connection, row)
        assert USERS.get(connection, "u") == row
        assert USERS.get(connection, "other") is None
        assert USERS.delete(connection, "u")
        assert not USERS.delete(connection, "u")


def test_a_row_of_two_keys_is_found_by_both(database: Database) -> None:
    row = TeamMemberRow(team_id="t", user_id="u", role="user", created_at=1.0, updated_at=1.0)
    with database.write() as connection:
        TEAM_MEMBERS.insert(connection, row)
        TEAM_MEMBERS.insert(connection, replace(row, user_id="v"))
        assert TEAM_MEMBERS.get(connection, "t", "u") == row
        assert TEAM_MEMBERS.get(connection, "u", "t") is None
        assert len(TEAM_MEMBERS.of(connection, "team_id", ["t", "x"])) == 2


def test_many_rows_are_found_by_their_keys_in_the_order_asked_for(database: Database) -> None:
    members = [
        TeamMemberRow(team_id=f"t{n % 7}", user_id=f"u{n}", role="user", created_at=1.0, updated_at=1.0)
        for n in range(450)
    ]
    with database.write() as connection:
        for row in members:
            TEAM_MEMBERS.insert(connection, row)
        USERS.insert(connection, user("u"))
        keys = [(row.team_id, row.user_id) for row in reversed(members)]
        assert TEAM_MEMBERS.by_keys(connection, [("t1", "u0"), *keys]) == members[::-1]
        assert USERS.by_keys(connection, [["v"], ["u"]]) == [user("u")]
        assert TEAM_MEMBERS.by_keys(connection, []) == []


def test_of_two_who_change_a_row_at_once_the_second_learns_of_the_first(database: Database) -> None:
    row = user("u")
    with database.write() as connection:
        USERS.insert(connection, row)
        USERS.update(connection, replace(row, alias="first", revision=2))
        with pytest.raises(StaleError):
            USERS.update(connection, replace(row, alias="second", revision=2))
        with pytest.raises(StaleError):
            USERS.update(connection, user("nobody", revision=2))
        found = USERS.get(connection, "u")
    assert found is not None
    assert found.alias == "first"


def test_what_is_unique_is_refused_by_name(database: Database) -> None:
    with database.write() as connection:
        USERS.insert(connection, user("u", email="a@example.com"))
        USERS.insert(connection, user("v"))
        USERS.insert(connection, user("w"))
        for row, column in ((user("u"), "id"), (user("x", email="a@example.com"), "email")):
            with pytest.raises(TakenError) as caught:
                USERS.insert(connection, row)
            assert caught.value.column == column
        with pytest.raises(TakenError):
            USERS.update(connection, user("v", email="a@example.com", revision=2))
        USERS.update(connection, user("u", email="a@example.com", revision=2))


def test_pages_are_complete_and_disjoint(database: Database) -> None:
    with database.write() as connection:
        for number in range(7):
            USERS.insert(connection, user(f"u{number}", alias="50%_off" if number == 3 else None))
        seen = [
            row.id
            for offset in range(0, 8, 2)
            for row in USERS.page(connection, [], (TABLE.c.created_at, True), (offset, 2))
        ]
        assert seen == [f"u{number}" for number in reversed(range(7))]
        assert USERS.count(connection, USERS.search("%", "alias")) == 1
        assert USERS.count(connection, USERS.search("_OFF", "alias", "email")) == 1
        assert USERS.count(connection, USERS.search("'; DROP TABLE users; --", "alias")) == 0


def test_a_list_knows_how_many_there_are_on_every_page(database: Database) -> None:
    with database.write() as connection:
        for number in range(7):
            USERS.insert(connection, user(f"u{number}"))
        for offset, limit, length in ((0, 3, 3), (6, 3, 1), (0, 7, 7), (0, 9, 7), (7, 3, 0), (100, 3, 0)):
            total, rows = USERS.listed(connection, [], (TABLE.c.alias, False), (offset, limit))
            assert (total, len(rows)) == (7, length)
        assert USERS.listed(connection, [TABLE.c.id == "none"], (TABLE.c.alias, False), (0, 5)) == (0, [])
        for name in ("a", "b"):
            TEAM_MEMBERS.insert(
                connection, TeamMemberRow(team_id="t", user_id=name, role="user", created_at=1.0, updated_at=1.0)
            )
        members = TEAM_MEMBERS.page(connection, [], (TEAM_MEMBERS.table.c.role, False), (1, 5))
        assert [row.user_id for row in members] == ["b"]
