"""Bytes: HTTP/1.1 server, client and pool, server-sent events, egress rules."""
