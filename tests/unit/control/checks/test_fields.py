from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.checks.fields import ConnectionTest


def test_unknown_fields_are_refused() -> None:
    assert ConnectionTest().mode is None
    with pytest.raises(ValidationError):
        ConnectionTest.model_validate({"prompt": "x"})
