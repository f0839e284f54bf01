from __future__ import annotations

import pytest
from pydantic_core import ErrorDetails

from phantom_gateway.config.messages import describe, elsewhere, section_at
from phantom_gateway.config.schema_models import LitellmParams
from phantom_gateway.config.schema_phantom import HttpSection
from phantom_gateway.config.schema_router import AliasTarget


def test_no_message_repeats_the_value() -> None:
    for kind in ("int_parsing", "no_such_kind", "literal_error", "less_than"):
        details: ErrorDetails = {
            "type": kind,
            "loc": (),
            "msg": "sk-secret",
            "input": "sk-secret",
            "ctx": {"expected": "'a' or 'b'", "lt": 5},
        }
        assert "sk-secret" not in "".join(describe(details))


@pytest.mark.parametrize(
    ("path", "section"),
    [
        (("model_list", 3, "litellm_params"), LitellmParams),
        (("phantom", "http"), HttpSection),
        (("router_settings", "model_group_alias", "x"), AliasTarget),
        (("general_settings", "master_key"), None),
    ],
)
def test_the_schema_at_a_path(path: tuple[str | int, ...], section: type | None) -> None:
    assert section_at(path) is section


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        (("general_settings", "max_budget"), "did you mean litellm_settings.max_budget?"),
        (("litellm_settings", "master_key"), "did you mean general_settings.master_key?"),
        (("router_settings", "set_verbose"), "did you mean litellm_settings.set_verbose?"),
        (("general_settings", "routing_groups"), "did you mean router_settings.routing_groups?"),
        (("drop_params",), "did you mean litellm_settings.drop_params?"),
        (("model_list", 2, "api_key"), "did you mean litellm_params.api_key?"),
        (("model_list", 2, "mode"), "did you mean model_info.mode?"),
        (("model_list", 2, "litellm_settings"), "did you mean the section litellm_settings?"),
        (("general_settings", "mcp_servers"), "did you mean the section mcp_servers?"),
        (("general_settings", "nothing_like_it"), ""),
        (("litellm_settings", "cache_params", "master_key"), ""),
        (("model_list",), ""),
    ],
)
def test_a_key_in_the_wrong_place(path: tuple[str | int, ...], hint: str) -> None:
    assert elsewhere(path) == hint
