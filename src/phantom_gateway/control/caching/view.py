"""The settings of the cache in LiteLLM's shape; no credential is shown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from phantom_gateway.config.schema_base import Active, meta_of
from phantom_gateway.config.schema_litellm import CacheParams, LitellmSettings
from phantom_gateway.config.secret import Secret
from phantom_gateway.security.redact import HIDDEN

JsonObject = dict[str, Any]

_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "port": "Integer", "db": "Integer", "ttl": "Float", "default_in_memory_ttl": "Float", "default_in_redis_ttl": "Float",
        "ssl": "Boolean", "supported_call_types": "List",
    }
)  # fmt: skip
_OPTIONS: Mapping[str, list[str]] = MappingProxyType(
    {"type": ["local", "redis"], "mode": ["default_on", "default_off"]}
)


def settings_view(settings: LitellmSettings) -> JsonObject:
    """``GET /cache/settings``."""
    params = settings.cache_params or CacheParams()
    names = [name for name in CacheParams.model_fields if isinstance(meta_of(CacheParams, name), Active)]
    values = {name: _shown(getattr(params, name)) for name in names}
    current = {name: value for name, value in values.items() if value is not None}
    return {
        "fields": [
            {
                "field_name": name,
                "field_type": _TYPES.get(name, "String"),
                "field_value": values[name],
                "field_description": meta_of(CacheParams, name).description,
                "field_default": None,
                "options": _OPTIONS.get(name),
                "ui_field_name": name.replace("_", " ").capitalize(),
                "link": None,
                "redis_type": None,
            }
            for name in names
        ],
        "current_values": {"cache": bool(settings.cache), **current},
        "redis_type_descriptions": {"node": "One Redis or Valkey, or one that stands for a cluster."},
    }


def _shown(value: Any) -> Any:
    return HIDDEN if isinstance(value, Secret) else value
