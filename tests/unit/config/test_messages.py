from __future__ import annotations

import pytest
from pydantic_core import ErrorDetails

from phantom_gateway.config.messages import describe, section_at
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
