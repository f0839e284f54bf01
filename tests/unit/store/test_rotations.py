from __future__ import annotations

from dataclasses import replace

from phantom_gateway.store import keys, rotations
from phantom_gateway.store.database import Database
from phantom_gateway.store.keys import KeyRow
from phantom_gateway.store.rotations import Waiting

NOW = 1_000_000.0
BLANK = KeyRow(id="", key_name="sk-...", created_at=NOW - 100, updated_at=NOW - 100, rotation_s=60)


def test_due_are_old_values_of_keys_in_force(database: Database) -> None:
    rows = [
        replace(BLANK, id="old"),
        replace(BLANK, id="young", rotated_at=NOW - 59),
        replace(BLANK, id="just", rotated_at=NOW - 60, expires=NOW + 1),
        replace(BLANK, id="never", rotation_s=None),
        replace(BLANK, id="blocked", blocked=True),
        replace(BLANK, id="over", expires=NOW),
    ]
    with database.write() as connection:
        for row in rows:
            keys.insert(connection, row)
    with database.read() as connection:
        assert {row.id for row in rotations.due(connection, NOW, 10)} == {"old", "just"}
        assert [row.id for row in rotations.due(connection, NOW, 1)] == ["just"]


def test_a_value_waits_until_it_is_fetched_or_worthless(database: Database) -> None:
    value = Waiting("k", "ph1.sealed", NOW, NOW + 5)
    with database.write() as connection:
        keys.insert(connection, replace(BLANK, id="k"))
        assert rotations.get(connection, "k") is None
        assert rotations.waiting(connection, []) == set()
        rotations.put(connection, value)
        assert rotations.get(connection, "k") == value
        assert rotations.waiting(connection, ["k", "other"]) == {"k"}
        rotations.remove(connection, "k")
        assert rotations.get(connection, "k") is None
        rotations.put(connection, value)
        keys.replace_value(connection, "k", "another", NOW)
        assert rotations.get(connection, "k") is None
        rotations.put(connection, value)
        keys.delete(connection, replace(BLANK, id="k"), NOW, None)
        assert rotations.waiting(connection, ["k"]) == set()
