from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.config.schema_router import AliasTarget, RouterSettings


def test_aliases_have_two_forms() -> None:
    router = RouterSettings.model_validate({"model_group_alias": {"a": "b", "c": {"model": "d", "hidden": True}}})
    assert router.model_group_alias == {"a": "b", "c": AliasTarget(model="d", hidden=True)}


def test_policies_are_typed() -> None:
    router = RouterSettings.model_validate(
        {"retry_policy": {"RateLimitErrorRetries": 3}, "model_group_retry_policy": {"a": {"DefaultRetries": 1}}}
    )
    assert router.retry_policy is not None
    assert router.retry_policy.RateLimitErrorRetries == 3
    with pytest.raises(ValidationError):
        RouterSettings.model_validate({"retry_policy": {"RateLimitRetries": 3}})


def test_times_may_be_durations() -> None:
    assert RouterSettings.model_validate({"timeout": "10m", "cooldown_time": 0.5}).timeout == 600.0
