"""A real database in a temporary directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from phantom_gateway.store import schema
from phantom_gateway.store.database import Database, open_sqlite


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Migrated and empty."""
    opened = open_sqlite(tmp_path / "phantom.db")
    schema.migrate(opened)
    yield opened
    opened.close()
