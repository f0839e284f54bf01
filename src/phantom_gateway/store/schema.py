"""Brings the database's tables to what this release needs, at start.

The usual start finds the schema current with one SELECT; Alembic (half as slow to import as the whole control plane) is
loaded only when there is something to migrate.
"""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from phantom_gateway.store.database import Database

HEAD = "v0015"
"""The newest migration; a test holds it equal to Alembic's own answer."""

KNOWN = frozenset(
    {
        "v0001",
        "v0002",
        "v0003",
        "v0004",
        "v0005",
        "v0006",
        "v0007",
        "v0008",
        "v0009",
        "v0010",
        "v0011",
        "v0012",
        "v0013",
        "v0014",
        "v0015",
    }
)


class SchemaError(Exception):
    """The database was written by a newer release, or by something else."""


def current(database: Database) -> str | None:
    """The revision the database is at, ``None`` for an empty one."""
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one_or_none()


def migrate(database: Database) -> None:
    """Run the missing migrations in one transaction; of nodes that start together one does it.

    Raises SchemaError for a database of a newer release.
    """
    revision = current(database)
    if revision == HEAD:
        return
    if revision is not None and revision not in KNOWN:
        raise SchemaError(f"the database is at revision {revision}, which this release does not know: it is newer")
    # Imported here: 0.2 s that only a first start or an upgrade has to pay.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    with database.migration() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
