"""Organisations: the tenants. Teams, people and keys belong to them, and none of those can use more than its organisation."""
