from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from phantom_gateway.control.entities.fields import MAX_USD, AllowanceFields, Text

NAMES = sorted(AllowanceFields.model_fields)


@pytest.mark.parametrize(
    "bad",
    [
        {"max_budget": -1},
        {"max_budget": float("nan")},
        {"max_budget": MAX_USD * 2},
        {"max_budget": "1"},
        {"soft_budget": -0.01},
        {"budget_duration": "soon"},
        {"rpm_limit": -1},
        {"rpm_limit": 1.5},
        {"rpm_limit": True},
        {"tpm_limit": 10**13},
        {"models": [""]},
        {"models": ["a\nb"]},
        {"models": ["m"] * 1001},
        {"budget_limits": [{"budget_duration": "1d", "max_budget": -1}]},
        {"budget_limits": [{"budget_duration": "1d", "max_budget": 1, "more": 1}]},
        {"model_max_budget": {"m": {"max_budget": -1}}},
        {"model_rpm_limit": {"m": -1}},
        {"metadata": {"a": "x" * 70_000}},
        {"blocked": "yes"},
        {"nope": 1},
    ],
)
def test_what_makes_no_sense_is_refused_by_name(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(AllowanceFields).validate_python(bad)
    assert {error["loc"][0] for error in caught.value.errors()} == set(bad)


@given(
    st.sampled_from(NAMES), st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text())
)
def test_nothing_else_than_a_refusal_can_come_of_it(name: str, value: Any) -> None:
    refused: set[int | str] = set()
    try:
        TypeAdapter(AllowanceFields).validate_python({name: value})
    except ValidationError as error:
        refused = {problem["loc"][0] for problem in error.errors()}
    assert refused in (set(), {name})


def test_texts_hold_what_every_database_stores() -> None:
    adapter = TypeAdapter(Text)
    assert adapter.validate_python("two\nlines\tand more \U0001f600") == "two\nlines\tand more \U0001f600"
    for bad in ("a\x00b", "\x00", "x" * 4097, "\ud800"):
        with pytest.raises(ValidationError):
            adapter.validate_python(bad)
