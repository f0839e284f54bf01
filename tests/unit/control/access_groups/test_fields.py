from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.access_groups.fields import GroupCreate, GroupUpdate, ModelGroupNew


def test_what_a_group_would_not_open_is_refused() -> None:
    assert GroupUpdate(access_mcp_server_ids=[]).model_fields_set == {"access_mcp_server_ids"}
    with pytest.raises(ValidationError, match="access_agent_ids"):
        GroupCreate.model_validate({"access_group_name": "g", "access_agent_ids": ["a"]})
    with pytest.raises(ValidationError, match="access_group"):
        ModelGroupNew.model_validate({"model_names": ["m"]})
