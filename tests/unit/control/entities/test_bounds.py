from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.control.entities.bounds import foreign, raised, refuse_excess, refuse_raised
from phantom_gateway.control.errors import ApiError
from phantom_gateway.store.tenants import Allowance

NUMBERS = ("max_budget_nano", "rpm_limit", "tpm_limit", "tpd_limit", "max_parallel_requests")
amounts = st.none() | st.integers(0, 5)
models = st.lists(st.sampled_from(["a", "ab", "b", "a*", "*", "all-team-models"]), max_size=3)
windows = st.dictionaries(st.sampled_from(["1h", "1d"]), st.integers(0, 5)).map(
    lambda found: [{"budget_duration": name, "max_budget_nano": amount} for name, amount in found.items()]
)
allowances = st.fixed_dictionaries(
    dict.fromkeys(NUMBERS, amounts) | {"models": models, "budget_limits": windows, "blocked": st.booleans()}
).map(lambda fields: row(**fields))


def row(**fields: Any) -> Allowance:
    return Allowance(created_at=0.0, updated_at=0.0, **fields)


def admits(allowed: list[str], model: str) -> bool:
    """Whether a list admits a model, without asking the code under test."""
    if not allowed or "all-team-models" in allowed:
        return True
    return any(model == each or (each.endswith("*") and model.startswith(each[:-1])) for each in allowed)


@given(allowances)
def test_what_stays_raises_nothing(allowance: Allowance) -> None:
    assert list(raised(allowance, allowance)) == []


@given(allowances, allowances, st.sampled_from(["a", "ab", "abc", "b", "c"]))
def test_what_raises_nothing_admits_nothing_more(before: Allowance, after: Allowance, model: str) -> None:
    if list(raised(before, after)):
        return
    for name in NUMBERS:
        old, new = getattr(before, name), getattr(after, name)
        assert old is None or (new is not None and new <= old)
    assert admits(before.models, model) or not admits(after.models, model)
    assert {each["budget_duration"] for each in before.budget_limits} <= {
        each["budget_duration"] for each in after.budget_limits
    }


@pytest.mark.parametrize(
    ("before", "after", "field"),
    [
        ({"max_budget_nano": 1}, {"max_budget_nano": 2}, "max_budget"),
        ({"max_budget_nano": 1, "budget_duration": "30d"}, {"max_budget_nano": 1, "budget_duration": "1d"}, "budget_duration"),
        ({"budget_limits": [{"budget_duration": "1d", "max_budget_nano": 1}]}, {}, "budget_limits"),
        ({"model_limits": {"m": {"rpm_limit": 1}}}, {}, "model_rpm_limit"),
        ({"model_limits": {"m": {"tpm_limit": 1}}}, {"model_limits": {"m": {"tpm_limit": 2}}}, "model_tpm_limit"),
        ({"model_limits": {"m": {"max_budget_nano": 1}}}, {"model_limits": {"m": {"max_budget_nano": 2}}}, "model_max_budget"),
        ({"model_limits": {"m": {"max_budget_nano": 1, "budget_duration": "30d"}}},
         {"model_limits": {"m": {"max_budget_nano": 1, "budget_duration": "1h"}}}, "model_max_budget"),
        ({"budget_id": "a"}, {}, "budget_id"),
        ({}, {"budget_id": "a"}, "budget_id"),
        ({}, {"temp_increase_nano": 1, "temp_expiry": 9.0}, "temp_budget_increase"),
        ({"blocked": True}, {}, "blocked"),
        ({"models": ["a"]}, {"models": ["all-org-models"]}, "models"),
    ],
)  # fmt: skip
def test_the_field_is_named(before: dict[str, Any], after: dict[str, Any], field: str) -> None:
    fields = list(raised(row(**before), row(**after)))
    assert fields == [field]
    with pytest.raises(ApiError) as error:
        refuse_raised(iter(fields))
    assert (error.value.status, error.value.param) == (403, field)


def test_models_of_groups() -> None:
    groups = {"g": ["x", "y"], "h": ["x"]}
    assert list(foreign(["x", "y", "z"], ["g"], groups)) == ["z"]
    assert list(foreign(["g", "h"], ["x"], groups)) == ["g"]
    assert list(foreign(["openai/*"], ["openai/gpt*"], {})) == ["openai/*"]
    assert list(foreign(["openai/gpt-5", "all-org-models"], ["openai/*"], {})) == []
    assert list(foreign(["anything"], [], {})) == []


@pytest.mark.parametrize(
    ("part", "whole", "field"),
    [
        ({"rpm_limit": 2}, {"rpm_limit": 1}, "rpm_limit"),
        (
            {"max_budget_nano": 2, "budget_duration": "1d"},
            {"max_budget_nano": 1, "budget_duration": "1d"},
            "max_budget",
        ),
        ({"max_budget_nano": 2, "budget_duration": "1d"}, {"max_budget_nano": 1}, "max_budget"),
        ({"models": ["b"]}, {"models": ["a"]}, "models"),
    ],
)
def test_an_excess_is_refused(part: dict[str, Any], whole: dict[str, Any], field: str) -> None:
    with pytest.raises(ApiError) as error:
        refuse_excess(row(**part), row(**whole), "team", {})
    assert (error.value.status, error.value.param) == (400, field)


def test_no_excess() -> None:
    refuse_excess(row(), row(rpm_limit=1, models=["a"], max_budget_nano=1), "team", {})
    yearly, monthly = row(max_budget_nano=9, budget_duration="1mo"), row(max_budget_nano=1, budget_duration="1d")
    refuse_excess(yearly, monthly, "team", {})  # other windows cannot be compared
