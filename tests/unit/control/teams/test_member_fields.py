from __future__ import annotations

from tests.unit.control.documented import missing

from phantom_gateway.control.teams.member_fields import (
    BulkMemberAdd,
    MemberAdd,
    MemberDelete,
    MemberReference,
    MemberUpdate,
)


def test_every_documented_field_is_known() -> None:
    assert missing(MemberAdd, "allowed_models budget_duration max_budget_in_team member team_id") == set()
    assert missing(BulkMemberAdd, "team_id members all_users max_budget_in_team") == set()
    assert missing(MemberDelete, "user_id user_email team_id") == set()
    update = """allowed_models budget_duration max_budget_in_team role rpm_limit team_id temp_budget_expiry
        temp_budget_increase tpm_limit user_email user_id"""
    assert missing(MemberUpdate, update) == set()


def test_one_stands_for_a_list_of_one() -> None:
    one = {"user_id": "u", "role": "user"}
    for member in (one, [one]):
        body = MemberAdd.model_validate({"team_id": "t", "member": member})
        assert body.member == [MemberReference(user_id="u", role="user")]
