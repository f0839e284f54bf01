from __future__ import annotations

from decimal import Decimal

import pytest
from pydantic import ValidationError

from phantom_gateway.config.schema_models import CredentialEntry, LitellmParams, ModelEntry, ModelInfo
from phantom_gateway.config.secret import Secret


def test_provider_parameters_are_kept() -> None:
    params = LitellmParams.model_validate(
        {"model": "openai/x", "temperature": 0.2, "response_format": {"type": "json_object"}}
    )
    assert params.model_extra == {"temperature": 0.2, "response_format": {"type": "json_object"}}


def test_prices_stand_in_both_places() -> None:
    entry = ModelEntry.model_validate(
        {
            "model_name": "a",
            "litellm_params": {"model": "openai/x", "input_cost_per_token": 1.5e-07},
            "model_info": {"output_cost_per_token": "0.000002", "supports_vision": True},
        }
    )
    assert entry.litellm_params.input_cost_per_token == Decimal("1.5e-7")
    assert entry.model_info.output_cost_per_token == Decimal("0.000002")
    assert entry.model_info.model_extra == {"supports_vision": True}


def test_a_limit_of_zero_is_no_limit() -> None:
    assert LitellmParams.model_validate({"model": "x", "rpm": 0}).rpm is None
    assert ModelInfo.model_validate({"max_output_tokens": 0}).max_output_tokens is None
    with pytest.raises(ValidationError):
        LitellmParams.model_validate({"model": "x", "rpm": False})


def test_numbers_are_text_where_text_is_meant() -> None:
    params = LitellmParams.model_validate(
        {"model": "x", "organization": 123, "api_version": 1, "vertex_credentials": {"a": "b"}}
    )
    assert (params.organization, params.api_version, params.vertex_credentials) == ("123", "1", {"a": "b"})


def test_all_values_of_a_credential_are_secret() -> None:
    entry = CredentialEntry.model_validate(
        {"credential_name": "c", "credential_values": {"api_base": "https://h", "n": 5}}
    )
    assert entry.credential_values == {"api_base": Secret("https://h"), "n": Secret("5")}


def test_limits_stand_in_three_places() -> None:
    entry = ModelEntry.model_validate(
        {"model_name": "a", "litellm_params": {"model": "x"}, "rpm": "5", "model_info": {"tpm": 7}}
    )
    assert (entry.rpm, entry.tpm, entry.model_info.tpm) == (5, None, 7)


def test_a_list_of_parameters_to_drop_has_another_name() -> None:
    with pytest.raises(ValidationError, match="additional_drop_params"):
        LitellmParams.model_validate({"model": "x", "drop_params": ["seed"]})
    assert LitellmParams.model_validate({"model": "x", "drop_params": "true"}).drop_params is True
