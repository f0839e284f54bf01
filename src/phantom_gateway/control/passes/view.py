"""Paths that are passed through as LiteLLM shows them; of headers and parameters only that they are there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from phantom_gateway.config.schema import Config
from phantom_gateway.control.credentials.view import MASKED, masked
from phantom_gateway.control.stored import SEALED_NAMES
from phantom_gateway.store.tenants import PassEndpointRow

HIDDEN = ("headers", "default_query_params")
_DEFAULTS: Mapping[str, Any] = {
    "include_subpath": False,
    "cost_per_request": 0.0,
    "timeout": None,
    "auth": True,
    "guardrails": None,
    "methods": None,
    "forward_headers": False,
}

JsonObject = dict[str, Any]


def row_view(row: PassEndpointRow) -> JsonObject:
    """An endpoint of the database."""
    names = row.spec.get(SEALED_NAMES, {})
    hidden = {field: masked(names.get(field, ())) for field in HIDDEN}
    shown = {name: row.spec.get(name, default) for name, default in _DEFAULTS.items()}
    return {"id": row.id, "path": row.path, "target": row.spec["target"], **hidden, **shown, "is_from_config": False}


def written_views(config: Config) -> Iterator[JsonObject]:
    """Those of the configuration file."""
    for entry in config.general_settings.pass_through_endpoints or ():
        path = str(entry.get("path", "")).rstrip("/")
        hidden = {field: masked(map(str, entry.get(field) or ())) for field in HIDDEN}
        shown = {name: entry.get(name, default) for name, default in _DEFAULTS.items()}
        yield {
            "id": str(entry.get("id") or f"config:{path}"),
            "path": path,
            "target": without_query(str(entry.get("target", ""))),
            **hidden,
            **shown,
            "auth": True,
            "guardrails": None,
            "is_from_config": True,
        }


def without_query(target: str) -> str:
    """An address as it is shown: its query may carry a credential."""
    base, mark, _ = target.partition("?")
    return f"{base}?{MASKED}" if mark else base
