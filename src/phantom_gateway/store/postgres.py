"""PostgreSQL as the store: the same promises as SQLite's, for many nodes at once.

``write`` holds an advisory lock alone until it commits, ``append`` (the journals' ingestion) shares it. So a change that looks
before it writes is never overtaken, on whatever node, and what flows in from the journals of several nodes waits for such
changes only. Appends touch rows in the order of their keys, hence never deadlock.

One pool for the process, with a hard cap: what does not get a connection in time fails with DatabaseError. Every statement has a
time limit, every wait for a lock too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import sqlalchemy as sa

from phantom_gateway.config.database_address import PostgresAddress
from phantom_gateway.store.database import Database, PoolOptions, decode_json

STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 5_000
MIGRATION_WAIT_MS = 120_000
"""For the node that migrates first."""
MIGRATION_LOCK_MS = 3_000
"""For a table that a running node uses: rather fail and try again than make it wait behind us."""
LOCK = 0x7068616E746F6D
"""The advisory lock of all changes; the letters of "phantom"."""

_RESERVED = 1
"""Connections outside the pool: the one that listens."""


class PostgresDatabase(Database):
    """See the module's text."""

    def __init__(self, engine: sa.Engine) -> None:
        super().__init__(engine)
        self._reading = engine.execution_options(isolation_level="REPEATABLE READ")
        # Whatever the server's default is: a snapshot that is taken before the lock is granted would not show what the
        # one before has written.
        self._changing = engine.execution_options(isolation_level="READ COMMITTED")

    @property
    def shared(self) -> bool:
        """Whether other nodes may be using it."""
        return True

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A connection that sees one consistent state; changes are not kept."""
        with self._reading.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A connection whose changes are committed together at the end, with no other change beside it."""
        with self._changing.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            yield connection

    @contextmanager
    def append(self) -> Iterator[sa.Connection]:
        """A connection for adding rows and sums in the order of their keys, beside others that do the same."""
        with self._changing.begin() as connection:
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock_shared({LOCK})")
            yield connection

    @contextmanager
    def migration(self) -> Iterator[sa.Connection]:
        """A connection for changing tables: nodes that start together take turns, and no table is waited for long."""
        with self._changing.begin() as connection:
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {MIGRATION_WAIT_MS}")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = {MIGRATION_LOCK_MS}")
            yield connection


def open_postgres(address: PostgresAddress, pool: PoolOptions | None = None) -> PostgresDatabase:
    """The database at ``address``; nothing is connected yet."""
    pool = pool or PoolOptions()
    arguments = connection_arguments(address, pool.timeout_s)
    engine = sa.create_engine(
        "postgresql+psycopg://",
        creator=lambda: psycopg.connect(**arguments),
        pool_size=max(pool.limit - _RESERVED, 1),
        max_overflow=0,
        pool_timeout=pool.timeout_s,
        # A server that was restarted leaves dead connections in the pool; nobody's request should find them.
        pool_pre_ping=True,
        hide_parameters=True,
        json_deserializer=decode_json,
    )
    return PostgresDatabase(engine)


def connection_arguments(address: PostgresAddress, timeout_s: float) -> dict[str, Any]:
    """What ``psycopg.connect`` takes: a peer that has vanished is noticed within about ten seconds."""
    options = "" if address.pooled else f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={LOCK_TIMEOUT_MS}"
    if address.schema:
        options += f" -c search_path={address.schema}"
    arguments: dict[str, Any] = {
        "application_name": "phantom-gateway",
        "connect_timeout": max(int(timeout_s), 2),
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 10_000,
        "prepare_threshold": None if address.pooled else 5,
    }
    if options:
        arguments["options"] = options.strip()
    arguments |= address.parameters
    if address.password is not None:
        arguments["password"] = address.password.reveal()
    return arguments
