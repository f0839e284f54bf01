from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.passes.fields import PassNew, PassUpdate


def test_the_shapes_of_the_other_gateway_are_taken() -> None:
    body = {
        "id": None, "path": "/a", "target": "https://x", "headers": {"a": 1}, "default_query_params": {}, "include_subpath": False,
        "cost_per_request": 0.0, "timeout": None, "auth": True, "guardrails": None, "is_from_config": False, "methods": None,
    }  # fmt: skip
    assert PassNew.model_validate(body).headers == {"a": 1}
    assert PassUpdate.model_validate({}).model_fields_set == set()


@pytest.mark.parametrize("field", ["path", "target"])
def test_a_new_one_needs_both(field: str) -> None:
    with pytest.raises(ValidationError):
        PassNew.model_validate({field: "/a"})
