from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.overrides.fields import ConfigUpdate, FieldUpdate


def test_only_three_sections_can_be_named() -> None:
    assert FieldUpdate(field_name="x", field_value=1).config_type == "general_settings"
    bodies: list[dict[str, object]] = [{"environment_variables": {}}, {"phantom": {}}, {"general_settings": []}]
    for body in bodies:
        with pytest.raises(ValidationError):
            ConfigUpdate.model_validate(body)
    with pytest.raises(ValidationError):
        FieldUpdate.model_validate({"field_name": "x", "field_value": 1, "config_type": "phantom"})
