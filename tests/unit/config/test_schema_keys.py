from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phantom_gateway.config.schema_litellm import LitellmSettings


def test_settings_of_keys_are_read_as_litellm_writes_them() -> None:
    found = LitellmSettings.model_validate(
        {
            "default_key_generate_params": {"max_budget": 1.5, "models": ["demo"], "duration": "30d"},
            "upperbound_key_generate_params": {"max_budget": 100, "budget_duration": "10d"},
            "key_generation_settings": {
                "team_key_generation": {"allowed_team_member_roles": ["admin"], "required_params": ["tags"]},
                "personal_key_generation": {"allowed_user_roles": ["proxy_admin"]},
            },
        }
    )
    assert found.default_key_generate_params is not None
    assert found.default_key_generate_params.model_fields_set == {"max_budget", "models", "duration"}
    assert found.key_generation_settings is not None
    assert found.key_generation_settings.personal_key_generation is not None
    assert found.key_generation_settings.personal_key_generation.required_params == []


@pytest.mark.parametrize(
    "settings",
    [
        {"default_key_generate_params": {"max_budgets": 1}},
        {"upperbound_key_generate_params": {"duration": "long"}},
        {"upperbound_key_generate_params": {"max_budget": -1}},
        {"key_generation_settings": {"team_key_generation": {"roles": []}}},
    ],
)
def test_what_would_bound_nothing_is_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        LitellmSettings.model_validate(settings)
