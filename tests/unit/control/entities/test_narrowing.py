"""What is narrowed is within, whatever there was; and nothing is narrowed that was within."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.control.entities.narrowing import is_said, narrowed
from phantom_gateway.control.policy.grants import Measure, beyond
from phantom_gateway.store.tenants import Allowance

MEASURE = Measure(1.0, {"group": ["a", "b"]})
MODELS = st.lists(st.sampled_from(["a", "b", "c", "group", "x/*", "x/y", "*"]), max_size=3, unique=True)
AMOUNT = st.none() | st.integers(0, 9)
DURATION = st.sampled_from(["1d", "24h", "7d", "30d", "1mo"])
WINDOWS = st.lists(st.tuples(DURATION, st.integers(0, 9)), max_size=2, unique_by=lambda each: each[0])
ENTRY = st.fixed_dictionaries(
    {}, optional={"rpm_limit": st.integers(0, 9), "max_budget_nano": st.integers(0, 9), "tpm_limit": st.integers(0, 9)}
)


@st.composite
def allowances(draw: st.DrawFn) -> Allowance:
    amount = draw(AMOUNT)
    found: dict[str, Any] = {name: draw(AMOUNT) for name in ("rpm_limit", "tpm_limit", "max_parallel_requests")}
    return Allowance(
        created_at=0,
        updated_at=0,
        models=draw(MODELS),
        max_budget_nano=amount,
        budget_duration=None if amount is None else draw(st.none() | DURATION),
        budget_limits=[{"budget_duration": name, "max_budget_nano": most} for name, most in draw(WINDOWS)],
        model_limits=draw(st.dictionaries(st.sampled_from(["a", "b"]), ENTRY, max_size=2)),
        **found,
    )


@given(allowances(), allowances())
def test_what_is_narrowed_is_within(row: Allowance, held: Allowance) -> None:
    found = narrowed(row, row, held, MEASURE, ())
    left = set(beyond(found, held, MEASURE, must=True))
    assert left <= {"models"}, "only of models there may be none that both have"
    if not list(beyond(row, held, MEASURE, must=True)):
        assert found == row


@given(allowances(), allowances(), allowances())
def test_several_bounds_hold_together(row: Allowance, one: Allowance, two: Allowance) -> None:
    found = narrowed(row, row, one, MEASURE, ())
    found = narrowed(found, found, two, MEASURE, ())
    for held in (one, two):
        assert set(beyond(found, held, MEASURE, must=True)) <= {"models"}


def test_what_is_said_stays() -> None:
    row = Allowance(created_at=0, updated_at=0, rpm_limit=9, models=["c"])
    held = Allowance(created_at=0, updated_at=0, rpm_limit=1, models=["a"])
    assert narrowed(row, row, held, MEASURE, ("rpm_limit", "models")) == row
    assert narrowed(row, row, held, MEASURE, ("models",)).rpm_limit == 1
    assert is_said("max_budget", ("budget_limits",))
    assert not is_said("max_budget", ("rpm_limit",))
