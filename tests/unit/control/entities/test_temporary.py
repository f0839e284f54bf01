from __future__ import annotations

from typing import Any

import pytest

from phantom_gateway.control.entities.temporary import TemporaryFields, check, note, temporary_columns
from phantom_gateway.control.errors import ApiError
from phantom_gateway.store.tenants import TeamRow


def test_only_what_is_named() -> None:
    assert temporary_columns(TemporaryFields(), 0.0) == {}
    assert temporary_columns(TemporaryFields(temp_budget_increase=1.5), 0.0) == {"temp_increase_nano": 1_500_000_000}
    assert temporary_columns(TemporaryFields(temp_budget_expiry="1970-01-02"), 0.0) == {"temp_expiry": 86400.0}
    both = TemporaryFields(temp_budget_increase=None, temp_budget_expiry=None)
    assert temporary_columns(both, 0.0) == {"temp_increase_nano": None, "temp_expiry": None}
    with pytest.raises(ApiError) as error:
        temporary_columns(TemporaryFields(temp_budget_expiry="tomorrow"), 0.0)
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


def test_what_is_over_before_it_begins_is_refused() -> None:
    with pytest.raises(ApiError) as error:
        temporary_columns(TemporaryFields(temp_budget_expiry="1970-01-02"), 86400.0)
    assert error.value.param == "temp_budget_expiry"


class Watch:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, float]] = []

    def note(self, entity: str, at: float) -> None:
        self.told.append((entity, at))


def test_an_end_that_is_ahead_is_noted() -> None:
    watch = Watch()
    for expiry in (None, 5.0, 6.0):
        row = TeamRow(id="t", created_at=0.0, updated_at=0.0, temp_expiry=expiry)
        note(watch, "team:t", row, 5.0)
    assert watch.told == [("team:t", 6.0)]
