"""Invitations: links by which a person sets a first password."""
