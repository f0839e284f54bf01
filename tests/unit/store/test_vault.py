from __future__ import annotations

import pytest
import sqlalchemy as sa

from phantom_gateway.config.secret import Secret
from phantom_gateway.security.envelope import MAX_OPERATIONS, SealedError, SealPurpose
from phantom_gateway.security.keyring import Keyring
from phantom_gateway.store import audit, facts, vault
from phantom_gateway.store.audit import AuditFilter
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import FACTS, PHANTOM_KEYS
from phantom_gateway.store.vault import SealedColumn

KEYRING = Keyring(Secret("ab" * 32))
COLUMN = SealedColumn(SealPurpose.SETTING, FACTS.c.name, FACTS.c.value)


def events(database: Database) -> list[str]:
    return [stored.record.event for stored in audit.stream(database, AuditFilter())]


def store(database: Database, name: str, value: str) -> None:
    with database.write() as connection:
        connection.execute(sa.insert(FACTS).values(name=name, value=value))


def stored(database: Database, name: str) -> str:
    with database.read() as connection:
        value: str = connection.execute(sa.select(FACTS.c.value).where(FACTS.c.name == name)).scalar_one()
    return value


def test_the_first_key_is_made_once_and_recorded(database: Database) -> None:
    first = vault.open_envelopes(database, KEYRING, 5.0)
    sealed = first.seal(COLUMN.purpose, COLUMN.place("a"), Secret("x"))
    again = vault.open_envelopes(database, KEYRING, 6.0)
    assert again.open(COLUMN.purpose, COLUMN.place("a"), sealed) == Secret("x")
    with database.read() as connection:
        assert len(vault.stored_keys(connection)) == 1
    assert events(database) == ["encryption_key.created"]


def test_another_root_key_is_refused_and_nothing_is_made(database: Database) -> None:
    vault.open_envelopes(database, KEYRING, 5.0)
    with pytest.raises(SealedError, match="does not open with this root key"):
        vault.open_envelopes(database, Keyring(Secret("cd" * 32)), 6.0)
    with database.read() as connection:
        assert len(vault.stored_keys(connection)) == 1


def test_a_database_knows_that_it_belongs_to_a_root_key(database: Database) -> None:
    assert not vault.is_initialised(database)
    vault.open_envelopes(database, KEYRING, 5.0)
    assert vault.is_initialised(database)


def test_a_pepper_alone_counts(database: Database) -> None:
    facts.check_pepper(database, "fingerprint")
    assert vault.is_initialised(database)


def test_rotation_keeps_old_values_readable_and_reseals_them(database: Database) -> None:
    envelopes = vault.open_envelopes(database, KEYRING, 5.0)
    other_node = vault.open_envelopes(database, KEYRING, 5.0)
    for number in range(5):
        store(database, f"s{number}", envelopes.seal(COLUMN.purpose, COLUMN.place(f"s{number}"), Secret(f"v{number}")))
    assert vault.rotate(database, KEYRING, envelopes, 6.0) == 2
    assert events(database)[-1] == "encryption_key.rotated"
    assert envelopes.open(COLUMN.purpose, COLUMN.place("s1"), stored(database, "s1")) == Secret("v1")
    with database.write() as connection:
        assert [vault.reseal(connection, envelopes, COLUMN, limit=3) for _ in range(3)] == [3, 2, 0]
    for number in range(5):
        sealed = stored(database, f"s{number}")
        assert not envelopes.is_stale(sealed)
        assert other_node.open(COLUMN.purpose, COLUMN.place(f"s{number}"), sealed) == Secret(f"v{number}")
    assert stored(database, "install_id")  # what is not sealed is left alone


def test_operations_add_up_and_bring_the_next_key(database: Database) -> None:
    envelopes = vault.open_envelopes(database, KEYRING, 5.0)
    envelopes.seal(COLUMN.purpose, COLUMN.place("a"), Secret("x"))
    with database.write() as connection:
        vault.note_operations(connection, envelopes.take_operations())
        vault.note_operations(connection, {1: MAX_OPERATIONS - 2})
    assert vault.open_envelopes(database, KEYRING, 6.0).primary == 1
    with database.write() as connection:
        vault.note_operations(connection, {1: 1})
    assert vault.open_envelopes(database, KEYRING, 6.0).primary == 2


def test_wrapped_keys_are_all_there_is(database: Database) -> None:
    vault.open_envelopes(database, KEYRING, 5.0)
    with database.read() as connection:
        row = connection.execute(sa.select(PHANTOM_KEYS)).mappings().one()
    assert (row["alg"], row["state"], row["ver"], row["kek_ver"]) == ("A256GCM", "primary", 1, 1)
    assert len(row["wrapped"]) == 80  # nonce 12, key 32, tag 16
