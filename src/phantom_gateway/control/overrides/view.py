"""Settings as LiteLLM shows them, with their owner."""

from __future__ import annotations

from typing import Any

from phantom_gateway.control.loader import ConfigurationLoader
from phantom_gateway.control.overrides.settings import Setting
from phantom_gateway.control.stored import is_written

JsonObject = dict[str, Any]


def setting_view(setting: Setting, loader: ConfigurationLoader, *, stored: bool) -> JsonObject:
    """An item of ``/config/list``."""
    in_file = is_written(loader.written, setting.section, setting.name)
    return {
        "field_name": setting.name,
        "field_type": setting.kind,
        "field_description": setting.description,
        "field_value": setting.value(loader.config),
        "stored_in_db": stored,
        "field_default_value": None,
        "premium_field": False,
        "nested_fields": None,
        "config_type": setting.section,
        "source": "config" if in_file else "db" if stored else "default",
    }
