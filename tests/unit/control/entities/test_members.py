from __future__ import annotations

from typing import Any

from phantom_gateway.control.entities.members import member_entity, with_defaults
from phantom_gateway.store.tenants import TeamMemberRow, TeamRow

STAMPS: dict[str, Any] = {"created_at": 0.0, "updated_at": 0.0}
TEAM = TeamRow(
    id="t",
    member_defaults={"max_budget_nano": 5, "budget_duration": "1d", "rpm_limit": 3, "models": ["m"]},
    **STAMPS,
)


def member(**fields: Any) -> TeamMemberRow:
    return TeamMemberRow(team_id="t", user_id="u", role="user", **STAMPS, **fields)


def test_defaults_fill_what_is_missing() -> None:
    filled = with_defaults(member(tpm_limit=9), TEAM)
    assert (filled.max_budget_nano, filled.budget_duration, filled.rpm_limit, filled.tpm_limit) == (5, "1d", 3, 9)
    assert filled.models == ["m"]


def test_own_limits_win_and_a_budget_is_one_thing() -> None:
    own = member(max_budget_nano=7, rpm_limit=0, models=["n"])
    filled = with_defaults(own, TEAM)
    assert (filled.max_budget_nano, filled.budget_duration, filled.rpm_limit, filled.models) == (7, None, 0, ["n"])


def test_without_defaults_nothing_changes() -> None:
    own = member()
    assert with_defaults(own, TeamRow(id="t", **STAMPS)) is own
    assert member_entity(own).name == "member:t/u"


def test_a_window_of_ones_own_is_not_given_twice() -> None:
    own = member(budget_limits=[{"budget_duration": "1d", "max_budget_nano": 9}])
    assert with_defaults(own, TEAM).max_budget_nano is None
    other = member(budget_limits=[{"budget_duration": "7d", "max_budget_nano": 9}])
    assert with_defaults(other, TEAM).max_budget_nano == 5
