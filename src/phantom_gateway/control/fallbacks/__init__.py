"""Fallbacks set over the API, beside those of the configuration file."""
