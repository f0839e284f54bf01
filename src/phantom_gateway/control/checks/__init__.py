"""Checks that call upstreams: does a deployment answer."""
