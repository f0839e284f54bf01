from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phantom_gateway.control.estimates.fields import CostEstimate, TokenCount


@pytest.mark.parametrize(
    "body",
    [
        {"model": "m", "input_tokens": -1, "output_tokens": 1},
        {"model": "m", "input_tokens": 1.5, "output_tokens": 1},
        {"model": "m", "input_tokens": 10**13, "output_tokens": 1},
        {"model": "", "input_tokens": 1, "output_tokens": 1},
        {"model": "m", "input_tokens": 1, "output_tokens": 1, "surprise": 1},
    ],
)
def test_counts_are_counts(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CostEstimate.model_validate(body)


def test_fields_of_other_apis_may_stand_beside() -> None:
    assert TokenCount.model_validate({"model": "m", "messages": [], "max_tokens": 5}).messages == []
