"""Real databases: every test of the store that takes ``database`` runs on both kinds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.databases import migrated_sqlite
from tests.support.servers import PostgresServer

from phantom_gateway.store.database import Database


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """SQLite in a file, migrated and empty."""
    opened = migrated_sqlite(tmp_path / "phantom.db")
    yield opened
    opened.close()


@pytest.fixture
def pg(postgres: PostgresServer) -> Iterator[Database]:
    """PostgreSQL, migrated and empty."""
    opened = postgres.open(postgres.migrated())
    yield opened
    opened.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> Database:
    """Migrated and empty."""
    found: Database = request.getfixturevalue("sqlite" if request.param == "sqlite" else "pg")
    return found
