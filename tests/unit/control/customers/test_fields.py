from __future__ import annotations

import pytest
from pydantic import ValidationError

from phantom_gateway.control.customers.fields import CustomerFields, CustomerIds


def test_a_customer_is_named() -> None:
    with pytest.raises(ValidationError, match="user_id"):
        CustomerFields.model_validate({"alias": "a"})
    with pytest.raises(ValidationError, match="user_ids"):
        CustomerIds(user_ids=[])
    assert CustomerFields(user_id="c", allowed_model_region="eu").allowed_model_region == "eu"
