"""Anthropic's messages: read into the neutral form and written from it."""
