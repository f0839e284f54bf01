"""Customers: the end users of those who call the gateway."""
