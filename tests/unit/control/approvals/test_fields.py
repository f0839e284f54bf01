from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from phantom_gateway.control.approvals.fields import ApprovalGranted, ApprovalNew


@pytest.mark.parametrize(
    "given",
    [
        {}, {"reason": "please"}, {"models": []}, {"max_budget": -1}, {"max_budget": "5"}, {"max_budget": float("nan")},
        {"models": [""]}, {"models": ["x" * 256]}, {"models": ["m"] * 101}, {"models": "m"},
        {"max_budget": 5, "reason": "x" * 2001}, {"max_budget": 5, "reason": "a\x00b"}, {"max_budget": 5, "team": "t"},
        {"max_budget": 5, "key": ""},
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ApprovalNew.model_validate(given)


def test_reasons_lose_the_blanks_around_them() -> None:
    assert ApprovalNew(max_budget=5, reason="  why \n").reason == "why"
    assert ApprovalGranted(id="a").models is None, "not named: as it was asked for"
