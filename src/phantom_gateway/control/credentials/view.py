"""Credentials as LiteLLM shows them; of a value only that it is there."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from phantom_gateway.config.schema_models import CredentialEntry
from phantom_gateway.store.tenants import CredentialRow

MASKED = "********"

JsonObject = dict[str, Any]


def row_view(row: CredentialRow) -> JsonObject:
    """A credential of the database."""
    return {
        "credential_name": row.id,
        "display_name": row.info.get("display_name"),
        "credential_info": row.info.get("credential_info", {}),
        "credential_values": masked(row.names),
        "source": "db",
    }


def entry_view(entry: CredentialEntry) -> JsonObject:
    """A credential of the configuration file."""
    return {
        "credential_name": entry.credential_name,
        "display_name": None,
        "credential_info": {},
        "credential_values": masked(entry.credential_values),
        "source": "config",
    }


def masked(names: Iterable[str]) -> JsonObject:
    """Every name with the same mask: neither a value nor its length."""
    return dict.fromkeys(sorted(names), MASKED)
