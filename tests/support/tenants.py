"""Rows of teams, members, users, customers put into a gateway's database, as the admin API would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.rows import Rows

STAMPS: dict[str, Any] = {"created_at": 1.0, "updated_at": 1.0}


def store(data_dir: Path, *rows: tuple[Rows[Any], Any]) -> None:
    """Insert each row into its table. Workers that know something older of it are not told."""
    database = open_sqlite(data_dir / "phantom.db")
    try:
        with database.write() as connection:
            for table, row in rows:
                table.insert(connection, row)
    finally:
        database.close()
