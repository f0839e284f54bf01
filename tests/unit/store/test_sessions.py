from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.store import sessions
from phantom_gateway.store.database import Database
from phantom_gateway.store.sessions import Alive, SessionRow

NOW = Alive(1000.0, idle_s=100.0, absolute_s=500.0)


def row(name: str, **fields: Any) -> SessionRow:
    values: dict[str, Any] = {"user_id": "ada", "method": "password", "created_at": 900.0, "seen_at": 950.0}
    return SessionRow(id=name, **values | fields)


@pytest.mark.parametrize(
    ("fields", "good"),
    [
        ({}, True),
        ({"revoked_at": 999.0}, False),
        ({"seen_at": 900.0}, False),
        ({"seen_at": 900.1}, True),
        ({"created_at": 500.0}, False),
        ({"created_at": 500.1}, True),
    ],
)
def test_python_and_sql_agree_on_what_is_good(database: Database, fields: dict[str, float], good: bool) -> None:
    session = row("s", **fields)
    with database.write() as connection:
        sessions.insert(connection, session)
        assert sessions.get(connection, "s") == session
        assert NOW.covers(session) is good
        assert sessions.of_user(connection, "ada", NOW) == ([session] if good else [])


def test_ending(database: Database) -> None:
    with database.write() as connection:
        for name, user in (("a", "ada"), ("b", "ada"), ("c", "ada"), ("o", None), ("e", "eve")):
            sessions.insert(connection, row(name, user_id=user))
        assert sessions.revoke(connection, ["a", "gone"], 1000.0) == 1
        assert sessions.revoke(connection, ["a"], 1000.0) == 0
        assert sessions.revoke_user(connection, "ada", 1000.0, keep="b") == 1
        assert [each.id for each in sessions.of_user(connection, "ada", NOW)] == ["b"]
        assert [each.id for each in sessions.of_user(connection, None, NOW)] == ["o"]
        assert sessions.revoke_user(connection, None, 1000.0) == 1
        assert [each.id for each in sessions.of_user(connection, "eve", NOW)] == ["e"]


def test_use_never_goes_back(database: Database) -> None:
    with database.write() as connection:
        sessions.insert(connection, row("s"))
        for at in (960.0, 955.0):
            sessions.touch(connection, "s", at)
        found = sessions.get(connection, "s")
        assert found is not None
        assert found.seen_at == 960.0
        sessions.clean(connection, 900.0)
        assert sessions.get(connection, "s") is not None
        sessions.clean(connection, 900.1)
        assert sessions.get(connection, "s") is None
