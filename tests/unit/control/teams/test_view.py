from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.people import STAMPS, cast
from tests.unit.control.rig import Rig

from phantom_gateway.control.teams.view import entity_of, membership_views, team_views, without_members
from phantom_gateway.store import tenants
from phantom_gateway.store.tables import TOTALS
from phantom_gateway.store.tenancy_tables import TEAM_MEMBERS
from phantom_gateway.store.tenants import TeamRow

# LiteLLM 1.106.2's LiteLLM_TeamTable
DOCUMENTED = """team_alias team_id organization_id admins members members_with_roles team_member_permissions metadata tpm_limit
    rpm_limit tpd_limit max_budget soft_budget budget_duration budget_limits models blocked router_settings access_group_ids
    default_team_member_models spend max_parallel_requests budget_reset_at model_id model_spend model_max_budget policies
    allow_team_guardrail_config litellm_model_table object_permission object_permission_id updated_at created_at"""


async def test_who_is_in_a_team_is_worked_out(control: Rig) -> None:
    await cast(control)

    def look(connection: sa.Connection) -> None:
        values = {"entity": "team:t", "amount_nano": 2_500_000_000, "requests": 1, "last_active": 5.0}
        connection.execute(sa.insert(TOTALS).values(values))
        rows = tenants.TEAMS.all(connection)
        other, team = team_views(connection, rows, 0.0)
        assert set(DOCUMENTED.split()) <= set(team)
        assert (team["spend"], other["spend"]) == (2.5, 0.0)
        assert (team["members"], team["admins"]) == (["member", "team_admin"], ["team_admin"])
        assert team["members_with_roles"][0] == {
            "user_id": "member", "user_email": "member@example.org", "role": "user",
        }  # fmt: skip
        hidden = without_members(team)
        assert (hidden["members"], hidden["admins"], hidden["members_with_roles"]) == ([], [], [])
        members = tenants.TEAM_MEMBERS.all(connection, TEAM_MEMBERS.c.team_id == "t")
        generous = TeamRow(id="t", member_defaults={"rpm_limit": 0}, **STAMPS)
        assert [view["litellm_budget_table"] for view in membership_views(connection, rows[1], members, 0.0)] == [
            None
        ] * 2
        shown = membership_views(connection, generous, members, 0.0)[0]["litellm_budget_table"]
        assert shown["rpm_limit"] == 0

    await control.services.database.write(look)
    assert entity_of(TeamRow(id="x", **STAMPS)).name == "team:x"
