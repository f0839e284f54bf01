"""Custom roles: grants as data."""
