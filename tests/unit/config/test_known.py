from __future__ import annotations

from phantom_gateway.config import known
from phantom_gateway.config.schema_litellm import CacheParams, LitellmSettings
from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.config.schema_router import RouterSettings


def test_a_name_is_either_typed_or_only_known() -> None:
    assert not known.LITELLM_PARAMS & LitellmParams.model_fields.keys()
    assert not known.ROUTER_SETTINGS & RouterSettings.model_fields.keys()
    assert not known.LITELLM_SETTINGS & LitellmSettings.model_fields.keys()
    assert not known.CACHE_PARAMS & CacheParams.model_fields.keys()
    assert not known.PROVIDER_PARAMETERS & (known.LITELLM_PARAMS | LitellmParams.model_fields.keys())
