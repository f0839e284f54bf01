from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.roles import NOT_GRANTED
from phantom_gateway.control.policy.table import WHOLE
from phantom_gateway.control.roles.fields import RoleNew


@pytest.mark.parametrize("action", Action)
def test_what_can_be_granted(action: Action) -> None:
    body = {"role": "r", "grants": {action.value: "self"}}
    if action in NOT_GRANTED or action in WHOLE:
        with pytest.raises(ValidationError):
            RoleNew.model_validate(body)
    else:
        assert RoleNew.model_validate(body).grants == {action.value: "self"}


@pytest.mark.parametrize("action", sorted(WHOLE - NOT_GRANTED))
@pytest.mark.parametrize("far", ["self", "team", "org"])
def test_what_is_about_the_whole_gateway_is_granted_for_all_only(action: Action, far: str) -> None:
    assert RoleNew.model_validate({"role": "r", "grants": {action.value: "all"}}).grants
    with pytest.raises(ValidationError, match="for all only"):
        RoleNew.model_validate({"role": "r", "grants": {action.value: far}})
