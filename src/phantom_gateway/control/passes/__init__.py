"""Paths to other services made over the API, beside those of the configuration file."""
