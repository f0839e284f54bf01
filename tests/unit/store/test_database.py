from __future__ import annotations

import stat
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from phantom_gateway.store.database import Database, DatabaseError, open_sqlite, open_sqlite_readonly
from phantom_gateway.store.tables import FACTS


def put(connection: sa.Connection, name: str, value: str) -> None:
    connection.execute(sa.insert(FACTS).values(name=name, value=value))


def names(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(sa.select(FACTS.c.name).order_by(FACTS.c.name)).scalars())


def test_the_file_belongs_to_its_owner_alone(tmp_path: Path, sqlite: Database) -> None:
    with sqlite.write() as connection:
        put(connection, "a", "1")
    for path in tmp_path.glob("phantom.db*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_the_settings_hold_on_every_connection(sqlite: Database) -> None:
    with sqlite.read() as one, sqlite.read() as other:
        for connection in (one, other):
            settings = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()
                for name in ("journal_mode", "foreign_keys", "synchronous")
            ]
            assert settings == ["wal", 1, 2]


def test_a_change_is_kept_whole_or_not_at_all(database: Database) -> None:
    def put_and_fail() -> None:
        with database.write() as connection:
            put(connection, "a", "1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        put_and_fail()
    assert names(database) == []
    with database.write() as connection:
        put(connection, "a", "1")
    assert names(database) == ["a"]


def test_readers_keep_nothing(database: Database) -> None:
    with database.read() as connection:
        put(connection, "a", "1")
    assert names(database) == []


def test_a_reader_sees_one_state_and_does_not_wait(database: Database) -> None:
    with database.read() as reader:
        before = reader.execute(sa.select(sa.func.count()).select_from(FACTS)).scalar_one()
        with database.write() as connection:
            put(connection, "a", "1")
        assert reader.execute(sa.select(sa.func.count()).select_from(FACTS)).scalar_one() == before == 0


def test_writers_in_many_threads_take_turns(database: Database) -> None:
    def work(number: int) -> None:
        for step in range(10):
            with database.write() as connection:
                put(connection, f"{number}.{step}", "")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(names(database)) == 50


def test_errors_do_not_quote_values(database: Database) -> None:
    with database.write() as connection:
        put(connection, "a", "the-secret-value")
    with pytest.raises(DatabaseError) as caught, database.write() as connection:
        put(connection, "a", "the-secret-value")
    assert "the-secret-value" not in str(caught.value)


def test_read_only_sees_all_and_changes_nothing(tmp_path: Path, sqlite: Database) -> None:
    with sqlite.write() as connection:
        put(connection, "a", "1")
    reader = open_sqlite_readonly(tmp_path / "phantom.db")
    assert names(reader) == ["a"]
    with pytest.raises(DatabaseError), reader.write() as connection:
        put(connection, "b", "1")
    reader.close()


def test_a_directory_is_made(tmp_path: Path) -> None:
    open_sqlite(tmp_path / "new" / "phantom.db").close()
    assert (tmp_path / "new" / "phantom.db").exists()
