from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.control.entities.temporary import TemporaryFields, check, temporary_columns
from phantom_gateway.control.errors import ApiError
from phantom_gateway.store.tenants import TeamRow


def test_only_what_is_named() -> None:
    assert temporary_columns(TemporaryFields()) == {}
    assert temporary_columns(TemporaryFields(temp_budget_increase=1.5)) == {"temp_increase_nano": 1_500_000_000}
    assert temporary_columns(TemporaryFields(temp_budget_expiry="1970-01-02")) == {"temp_expiry": 86400.0}
    both = TemporaryFields(temp_budget_increase=None, temp_budget_expiry=None)
    assert temporary_columns(both) == {"temp_increase_nano": None, "temp_expiry": None}
    with pytest.raises(ApiError) as error:
        temporary_columns(TemporaryFields(temp_budget_expiry="tomorrow"))
    assert error.value.param == "temp_budget_expiry"


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"temp_increase_nano": 1, "max_budget_nano": 1}, "temp_budget_expiry"),
        ({"temp_expiry": 1.0, "max_budget_nano": 1}, "temp_budget_increase"),
        ({"temp_increase_nano": 1, "temp_expiry": 1.0}, "temp_budget_increase"),
    ],
)
def test_halves_are_refused(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ApiError) as error:
        check(TeamRow(id="t", created_at=0.0, updated_at=0.0, **fields))
    assert error.value.param == param


def test_wholes_are_not() -> None:
    check(TeamRow(id="t", created_at=0.0, updated_at=0.0))
    check(TeamRow(id="t", created_at=0.0, updated_at=0.0, max_budget_nano=1, temp_increase_nano=1, temp_expiry=1.0))
