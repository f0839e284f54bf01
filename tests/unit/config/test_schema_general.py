from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.config.schema_general import OTHER_KEYS, GeneralSettings


def test_other_keys_have_no_home_and_homes_are_no_other_keys() -> None:
    assert not OTHER_KEYS & GeneralSettings.model_fields.keys()


def test_webhooks_and_redis_are_secret() -> None:
    settings = GeneralSettings.model_validate(
        {
            "alert_to_webhook_url": {"budget_alerts": "https://hooks/T0"},
            "coordination_redis": {"host": "h", "password": "p"},
        }
    )
    assert "hooks" not in repr(settings)
    assert "'p'" not in repr(settings)


@pytest.mark.parametrize("name", ["", "a b", "a:b", "é", "x" * 65])
def test_header_names_are_tokens(name: str) -> None:
    with pytest.raises(ValidationError):
        GeneralSettings.model_validate({"litellm_key_header_name": name})
