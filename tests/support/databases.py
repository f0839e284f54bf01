"""SQLite databases with all tables, without running every migration for each."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

from phantom_gateway.store import schema
from phantom_gateway.store.database import Database, open_sqlite


def migrated_sqlite(path: Path) -> Database:
    """The database at ``path``; a new one has all tables and no rows."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_empty())
    return open_sqlite(path)


@functools.cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "empty.db"
        database = open_sqlite(path)
        schema.migrate(database)
        database.close()
        assert [each.name for each in path.parent.iterdir()] == [path.name], "all of it is in the one file"
        return path.read_bytes()
