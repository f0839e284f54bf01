from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.fallbacks.fields import FallbackNew


def test_a_name_fits_into_its_row() -> None:
    assert FallbackNew(model="x" * 240, fallback_models=["y"]).fallback_type == "general"
    with pytest.raises(ValidationError):
        FallbackNew(model="x" * 241, fallback_models=["y"])
    with pytest.raises(ValidationError):
        FallbackNew(model="x", fallback_models=[])
