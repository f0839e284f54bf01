"""Entry point of Alembic: migrates over the connection that ``store.schema`` hands in, in its transaction."""

from __future__ import annotations

from alembic import context

from phantom_gateway.store import tenancy_tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tenancy_tables.TEAMS.metadata,
    transaction_per_migration=False,
)
context.run_migrations()
