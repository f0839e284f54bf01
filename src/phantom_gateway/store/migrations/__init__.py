"""Alembic's environment: run by ``store.schema``, never by hand."""
