"""A real database in a temporary directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.databases import migrated_sqlite

from phantom_gateway.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Migrated and empty."""
    opened = migrated_sqlite(tmp_path / "phantom.db")
    yield opened
    opened.close()
