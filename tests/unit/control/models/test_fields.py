from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phantom_gateway.control.models.fields import ModelBlock, ModelDelete, ModelNew, ModelUpdate


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        (ModelNew, {"model_name": "", "litellm_params": {}}),
        (ModelNew, {"model_name": "x\n", "litellm_params": {}}),
        (ModelNew, {"model_name": "x"}),
        (ModelNew, {"model_name": "x", "litellm_params": {"a": float("nan")}}),
        (ModelNew, {"model_name": "x", "litellm_params": {"a": "x" * 70_000}}),
        (ModelUpdate, {"blocked": "yes"}),
        (ModelUpdate, {"id": ""}),
        (ModelDelete, {}),
        (ModelBlock, {"model_id": "x" * 300}),
    ],
)
def test_what_is_no_such_body_is_refused(kind: Any, body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(body)
