from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.unit.control.people import STAMPS
from tests.unit.control.rig import Rig

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.teams.changes import (
    AVAILABLE_PERMISSIONS,
    check,
    new_row,
    raised,
    refuse_unknown_permissions,
    updated_row,
)
from phantom_gateway.control.teams.fields import TeamNew, TeamUpdate
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import AccessGroupRow, BudgetRow, OrganizationRow, TeamRow


def team(**fields: Any) -> TeamRow:
    return TeamRow(id="t", **STAMPS, **fields)


async def test_defaults_of_members_are_merged(control: Rig) -> None:
    writer = Writer(control.services, "me")
    row = new_row(TeamNew(team_member_budget=1.5, team_member_rpm_limit=3), "t", [], writer)
    assert row.member_defaults == {"max_budget_nano": 1_500_000_000, "rpm_limit": 3}
    later = updated_row(
        row, TeamUpdate(team_id="t", team_member_rpm_limit=None, default_team_member_models=["m"]), writer
    )
    assert later.member_defaults == {"max_budget_nano": 1_500_000_000, "models": ["m"]}
    untouched = updated_row(later, TeamUpdate(team_id="t", team_alias="a"), writer)
    assert (untouched.member_defaults, untouched.alias, untouched.revision) == (later.member_defaults, "a", 3)


@pytest.mark.parametrize(
    ("before", "after", "fields"),
    [
        ({"org_id": "o"}, {"org_id": "p"}, ["organization_id"]),
        ({"access_groups": ["g"]}, {"access_groups": ["g", "h"]}, ["access_group_ids"]),
        ({"access_groups": ["g"]}, {}, []),
        ({"tags": ["a"]}, {"tags": ["b", "a"]}, []),
        ({"tags": ["a"]}, {"tags": ["b"]}, ["tags"]),
        ({"rpm_limit": 1}, {}, ["rpm_limit"]),
        ({}, {"alias": "x", "metadata": {"a": 1}, "aliases": {"a": "b"}, "member_defaults": {"rpm_limit": 1}}, []),
    ],
)
def test_what_raises_a_team(before: dict[str, Any], after: dict[str, Any], fields: list[str]) -> None:
    assert list(raised(team(**before), team(**after))) == fields


async def test_a_budget_referred_to_counts_against_the_organisation(control: Rig) -> None:
    def run(connection: sa.Connection) -> None:
        tenants.BUDGETS.insert(connection, BudgetRow(id="big", rpm_limit=100, **STAMPS))
        tenants.ORGANIZATIONS.insert(connection, OrganizationRow(id="o", rpm_limit=10, models=["g"], **STAMPS))
        group = AccessGroupRow(id="1", name="g", models=["a"], **STAMPS)
        tenants.ACCESS_GROUPS.insert(connection, group)
        check(connection, team(org_id="o", models=["a", "g"], access_groups=["1"]))
        for field, row in (
            ("rpm_limit", team(org_id="o", budget_id="big")),
            ("models", team(org_id="o", models=["b"])),
            ("access_group_ids", team(org_id="o", access_groups=["other"])),
            ("organization_id", team(org_id="nowhere")),
        ):
            with pytest.raises(ApiError) as error:
                check(connection, row)
            assert error.value.param == field

    await control.services.database.write(run)


def test_permissions_are_those_that_have_an_effect() -> None:
    refuse_unknown_permissions(list(AVAILABLE_PERMISSIONS))
    for path in ("/team/delete", "/key/*", ""):
        with pytest.raises(ApiError) as error:
            refuse_unknown_permissions([path])
        assert error.value.param == "team_member_permissions"
