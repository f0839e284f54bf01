"""The database: one engine, readers that never wait for the writer, one writer at a time.

SQLite runs in WAL mode with full synchronisation: the journal's segments are removed once their records are here, so a
committed transaction must survive a power cut. Writers take the write lock when they begin (``BEGIN IMMEDIATE``), because
a reader that turns writer halfway can fail with "database is locked" whatever the timeout.

PostgreSQL (``store.postgres``) keeps the same promises with an advisory lock: ``write`` takes it alone, ``append`` shares it,
so what was written for one writer at a time is right there too, over all nodes.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

BUSY_TIMEOUT_MS = 5000
POOL_LIMIT = 10
POOL_TIMEOUT_S = 5.0
_WRITES = "phantom_writes"
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "cache_size=-32768",  # 32 MiB: what is asked and counted again and again is more than SQLite's 2 MB
    "wal_autocheckpoint=8192",  # pages: those that every batch changes are copied back once for many batches
)

DatabaseError = SQLAlchemyError
"""What every query of this package may raise when the database cannot answer."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """For a database that is a server: how many connections, and how long to wait for one (seconds)."""

    limit: int = POOL_LIMIT
    timeout_s: float = POOL_TIMEOUT_S


class Database:
    """Hands out connections inside a transaction; safe to use from several threads. This one is SQLite's."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        self._writer = threading.Lock()
        self._writing = engine.execution_options(**{_WRITES: True})

    @property
    def shared(self) -> bool:
        """Whether other nodes may be using it."""
        return False

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one consistent state; changes are not kept."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A connection whose changes are committed together at the end, or not at all when an exception passes."""
        with self._writer, self._writing.begin() as connection:
            yield connection

    def append(self) -> AbstractContextManager[sa.Connection]:
        """As ``write``, for a change that only adds rows and sums, in the order of their keys: several may run at once."""
        return self.write()

    def migration(self) -> AbstractContextManager[sa.Connection]:
        """As ``write``, for changes of the tables themselves."""
        return self.write()

    def close(self) -> None:
        """Close all pooled connections."""
        self.engine.dispose()


def decode_json(text: str) -> Any:
    """A value of a JSON column."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return json.loads(text)  # knows halves of surrogate pairs, which msgspec refuses


def open_sqlite(path: Path) -> Database:
    """The database in the file ``path``, made with mode 0600 when it is not there."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    timeout = {"timeout": BUSY_TIMEOUT_MS / 1000}
    # hide_parameters: what a statement carries never reaches an error message, hence never a log.
    engine = sa.create_engine(
        f"sqlite:///{path}", connect_args=timeout, pool_size=8, hide_parameters=True, json_deserializer=decode_json
    )
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return Database(engine)


def open_sqlite_readonly(path: Path) -> Database:
    """The database in an existing file, for reading only; a running gateway is not disturbed."""
    uri = f"file:{quote(str(path.absolute()))}?mode=ro"
    engine = sa.create_engine(
        f"sqlite:///{uri}&uri=true", connect_args={"timeout": BUSY_TIMEOUT_MS / 1000}, hide_parameters=True
    )
    sa.event.listen(engine, "connect", _no_driver_transactions)
    sa.event.listen(engine, "begin", _begin)
    return Database(engine)


def _no_driver_transactions(connection: Any, _record: Any) -> None:
    # The driver's own transaction handling would begin late and commit behind our back; _begin does it instead.
    connection.isolation_level = None


def _prepare(connection: Any, record: Any) -> None:
    _no_driver_transactions(connection, record)
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
