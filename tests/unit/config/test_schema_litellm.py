from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.config.schema_litellm import LitellmSettings


def test_callbacks_may_be_one_name_and_fallbacks_one_mapping() -> None:
    settings = LitellmSettings.model_validate({"callbacks": "otel", "fallbacks": {"a": "b"}})
    assert settings.callbacks == ["otel"]
    assert settings.fallbacks == [{"a": ["b"]}]


def test_unknown_keys_are_kept_and_credentials_concealed() -> None:
    settings = LitellmSettings.model_validate(
        {"anything": 1, "cache_params": {"type": "redis", "password": "p", "redis_auth_token": "t"}}
    )
    assert settings.model_extra == {"anything": 1}
    assert settings.cache_params is not None
    assert repr(settings.cache_params.password) == "***"
    assert "'t'" not in repr(settings)


@pytest.mark.parametrize("status", [200, 500, "x"])
def test_an_exceeded_budget_is_the_clients_error(status: object) -> None:
    with pytest.raises(ValidationError):
        LitellmSettings.model_validate({"budget_exceeded_status_code": status})


@pytest.mark.parametrize("amount", [1e-12, "0.0000000009", -1])
def test_a_budget_below_a_nano_dollar_is_refused(amount: object) -> None:
    with pytest.raises(ValidationError):
        LitellmSettings.model_validate({"max_budget": amount})
    assert LitellmSettings.model_validate({"max_budget": 0}).max_budget == 0
