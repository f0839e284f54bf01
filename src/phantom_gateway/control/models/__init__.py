"""Models kept in the database, beside those of the configuration file."""
