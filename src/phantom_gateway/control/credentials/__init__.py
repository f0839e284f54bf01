"""Credentials of providers kept in the database, by name."""
