"""Requests for more: what people ask administrators for, and what comes of it."""
