from __future__ import annotations

import json

from pydantic import TypeAdapter
from tests.unit.control.answers.shapes import loose, unused

from phantom_gateway.config.schema_litellm import CacheParams, LitellmSettings
from phantom_gateway.config.secret import Secret
from phantom_gateway.control.answers import caching
from phantom_gateway.control.answers.caching import CacheSettings
from phantom_gateway.control.caching.view import settings_view


def test_settings_of_every_type_are_described() -> None:
    params = CacheParams(
        type="redis", port="6379", ssl=True, password=Secret("hidden"), supported_call_types=["embedding"]
    )
    shown = settings_view(LitellmSettings(cache=True, cache_params=params))
    found = TypeAdapter(CacheSettings).validate_json(json.dumps(shown), strict=True)
    assert found.current_values["cache"] is True
    assert found.current_values["supported_call_types"] == ["embedding"]
    assert "hidden" not in found.model_dump_json()


def test_every_shape_is_exact_and_in_use() -> None:
    assert loose(caching) == set()
    assert unused(caching) == set()
