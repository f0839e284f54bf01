from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from phantom_gateway.control.keys.fields import KeyGenerate, KeyUpdate

# LiteLLM 1.106.2's GenerateKeyRequest
# fmt: off
DOCUMENTED = {
    "key_alias", "duration", "models", "spend", "max_budget", "user_id", "team_id", "agent_id", "max_parallel_requests",
    "metadata", "tpm_limit", "rpm_limit", "budget_duration", "budget_limits", "allowed_cache_controls", "config", "permissions",
    "model_max_budget", "budget_fallbacks", "model_rpm_limit", "model_tpm_limit", "mcp_rpm_limit", "tag_rpm_limit", "guardrails",
    "policies", "prompts", "blocked", "aliases", "object_permission", "key", "tpd_limit", "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model", "budget_id", "end_user_budget_id", "tags", "disable_global_guardrails",
    "enable_prompt_caching", "throttle_on_budget_exceeded", "enforced_params", "allowed_routes", "allowed_passthrough_routes",
    "denied_passthrough_routes", "allowed_vector_store_indexes", "rpm_limit_type", "tpm_limit_type", "router_settings",
    "access_group_ids", "soft_budget", "send_invite_email", "key_type", "auto_rotate", "rotation_interval", "organization_id",
    "project_id",
}
# fmt: on


def test_every_field_of_litellm_has_a_fate() -> None:
    assert set(KeyGenerate.model_fields) == DOCUMENTED
    assert set(KeyUpdate.model_fields) - set(KeyGenerate.model_fields) == {"temp_budget_increase", "temp_budget_expiry"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(DOCUMENTED)), json_values)
def test_whatever_is_sent_is_taken_or_refused_by_name(field: str, value: Any) -> None:
    refused: set[int | str] = set()
    try:
        fields = KeyGenerate.model_validate({field: value})
        json.dumps(fields.model_dump(), allow_nan=False)
    except ValidationError as error:
        refused = {problem["loc"][0] for problem in error.errors()}
    assert refused in (set(), {field})


def test_metadata_is_bounded() -> None:
    KeyGenerate.model_validate({"metadata": {"a": "x" * 60_000}})
    for metadata in ({"a": "x" * 70_000}, {"a": float("nan")}):
        with pytest.raises(ValidationError):
            KeyGenerate.model_validate({"metadata": metadata})


def test_errors_do_not_quote_what_was_sent() -> None:
    with pytest.raises(ValidationError) as caught:
        KeyGenerate.model_validate({"key": "sk-\nnot a key but secret"})
    assert "secret" not in str(caught.value)
