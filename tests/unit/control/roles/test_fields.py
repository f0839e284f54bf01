from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.roles import NOT_GRANTED
from phantom_gateway.control.roles.fields import RoleNew


@pytest.mark.parametrize("action", Action)
def test_what_can_be_granted(action: Action) -> None:
    body = {"role": "r", "grants": {action.value: "self"}}
    if action in NOT_GRANTED:
        with pytest.raises(ValidationError):
            RoleNew.model_validate(body)
    else:
        assert RoleNew.model_validate(body).grants == {action.value: "self"}
