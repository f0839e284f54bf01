from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from phantom_gateway.control.entities.changes import allowance_columns, check, kept, renamed_columns
from phantom_gateway.control.entities.fields import AllowanceFields
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.teams.member_fields import MemberUpdate
from phantom_gateway.store.tenants import Allowance


def sent(**fields: Any) -> AllowanceFields:
    return TypeAdapter(AllowanceFields).validate_python(fields)


def before(**fields: Any) -> Allowance:
    return Allowance(created_at=0.0, updated_at=0.0, **fields)


def test_only_what_is_named_changes() -> None:
    assert allowance_columns(sent(), None) == {}
    assert allowance_columns(sent(rpm_limit=None, models=None, blocked=None), before(rpm_limit=3)) == {
        "rpm_limit": None,
        "models": [],
        "blocked": False,
    }
    assert allowance_columns(sent(max_budget=0.1, soft_budget=None), None) == {
        "max_budget_nano": 100_000_000,
        "soft_budget_nano": None,
    }


def test_limits_of_models_come_from_three_fields() -> None:
    old = before(model_limits={"a": {"rpm_limit": 1, "max_budget_nano": 5}, "b": {"tpm_limit": 2}})
    columns = allowance_columns(sent(model_rpm_limit={"c": 7}, model_max_budget={"a": {"budget_limit": 2}}), old)
    assert columns["model_limits"] == {
        "a": {"max_budget_nano": 2_000_000_000, "budget_duration": None},
        "b": {"tpm_limit": 2},
        "c": {"rpm_limit": 7},
    }
    assert allowance_columns(sent(model_tpm_limit=None), old)["model_limits"] == {"a": old.model_limits["a"]}
    both = sent(model_max_budget={"m": {"max_budget": 1, "time_period": "1d", "rpm_limit": 4}})
    assert allowance_columns(both, None)["model_limits"] == {
        "m": {"max_budget_nano": 1_000_000_000, "budget_duration": "1d", "rpm_limit": 4}
    }
    with pytest.raises(ApiError, match="model_max_budget"):
        allowance_columns(sent(model_max_budget={"m": {"budget_duration": "1d"}}), None)


def test_two_budgets_of_one_duration_contradict() -> None:
    entry = {"budget_duration": "1d", "max_budget_nano": 1}
    check(before(budget_limits=[entry], max_budget_nano=1, budget_duration="7d"))
    for row in (
        before(budget_limits=[entry, entry]),
        before(budget_limits=[entry], max_budget_nano=1, budget_duration="1d"),
    ):
        with pytest.raises(ApiError, match="budget_limits"):
            check(row)


def test_what_is_kept_is_added_to_what_was() -> None:
    class Fields(AllowanceFields):
        note: str | None = None

    assert kept(Fields(), ("note",), before(extra={"a": 1})) == {}
    assert kept(Fields(note="n"), ("note",), before(extra={"a": 1})) == {"extra": {"a": 1, "note": "n"}}


def test_a_body_may_have_other_names_and_further_fields() -> None:
    fields = MemberUpdate(
        team_id="t", user_id="u", role="admin", max_budget_in_team=1.5, allowed_models=None, tpd_limit=3
    )
    names = {"max_budget_in_team": "max_budget", "allowed_models": "models"}
    assert renamed_columns(fields, None, names) == {"max_budget_nano": 1_500_000_000, "models": [], "tpd_limit": 3}
    old = before(model_limits={"m": {"rpm_limit": 1, "tpm_limit": 2}})
    changed = MemberUpdate(team_id="t", user_id="u", model_rpm_limit={"n": 5})
    assert renamed_columns(changed, old, names) == {"model_limits": {"m": {"tpm_limit": 2}, "n": {"rpm_limit": 5}}}
