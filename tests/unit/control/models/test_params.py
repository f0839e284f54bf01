from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.models.params import changed, is_secret, refuse_references, refuse_unsafe, split

VALUES: Any = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20))


def test_every_field_that_the_schema_holds_secret_is_sealed() -> None:
    secret = [name for name, field in LitellmParams.model_fields.items() if "Secret" in str(field.annotation)]
    assert len(secret) >= 7
    assert [name for name in secret if not is_secret(name, "x")] == []


@pytest.mark.parametrize("name", ["azure_password", "AWS_SECRET_ACCESS_KEY", "x_api_key", "extra_headers"])
def test_so_is_what_looks_like_one(name: str) -> None:
    assert is_secret(name, "x")
    assert not is_secret("max_tokens", 5)
    assert is_secret("api_base", "https://h/?key=1")
    assert not is_secret("api_base", "https://h/v1")
    assert is_secret("nested", {"deep": {"password": "x"}})


@given(st.dictionaries(st.sampled_from(["api_key", "model", "rpm", "token", "api_base", "x"]), VALUES))
def test_nothing_is_lost_and_nothing_is_twice(params: dict[str, Any]) -> None:
    plain, secret = split(params)
    assert plain | secret == params
    assert plain.keys().isdisjoint(secret)
    assert "api_key" not in plain


def test_null_leaves_and_an_empty_text_removes() -> None:
    assert changed({"a": 1, "b": 2, "c": 3}, {"a": None, "b": "", "c": 4, "d": 0}) == {"a": 1, "c": 4, "d": 0}


@pytest.mark.parametrize("text", ["os.environ/X", " OS.ENVIRON/X", "oidc/file//etc/passwd", "file:///etc/passwd"])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: {"a": [{"b": x}]}, lambda x: ["", x]])
def test_references_are_found_at_any_depth(text: str, wrap: Any) -> None:
    with pytest.raises(ApiError, match="configuration file only") as caught:
        refuse_references("litellm_params", {"anything": wrap(text)})
    assert (caught.value.param or "").startswith("litellm_params.anything")


def test_what_is_nested_too_deeply_is_refused() -> None:
    deep: Any = "x"
    for _ in range(50):
        deep = [deep]
    with pytest.raises(ApiError, match="too deeply"):
        refuse_references("litellm_params", {"a": deep})


def test_what_is_harmless_passes() -> None:
    params = {"model": "openai/x", "ssl_verify": False, "vertex_credentials": '{"type": "service_account"}'}
    refuse_unsafe(params, {"team_id": None, "supports_vision": True, "description": "os.environment"})
