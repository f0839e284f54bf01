"""The settings of the cache as they are shown."""

from __future__ import annotations

from phantom_gateway.config.schema_litellm import LitellmSettings
from phantom_gateway.control.caching.view import settings_view


def test_nothing_set() -> None:
    shown = settings_view(LitellmSettings())
    assert shown["current_values"] == {"cache": False}
    assert {"type", "ttl", "mode", "host"} <= {each["field_name"] for each in shown["fields"]}
    assert "similarity_threshold" not in {each["field_name"] for each in shown["fields"]}


def test_no_secret_is_shown() -> None:
    params = {"type": "redis", "host": "h", "password": "canary-1", "url": "redis://u:canary-2@h", "ttl": 60}
    shown = settings_view(LitellmSettings.model_validate({"cache": True, "cache_params": params}))
    assert "canary" not in repr(shown)
    assert shown["current_values"] == {
        "cache": True, "type": "redis", "host": "h", "password": "***", "url": "***", "ttl": 60.0,
    }  # fmt: skip
