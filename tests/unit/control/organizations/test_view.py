from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.people import cast
from tests.unit.control.rig import Rig

from phantom_gateway.control.organizations.view import for_member, organization_views
from phantom_gateway.store import tenants

# LiteLLM 1.106.2's LiteLLM_OrganizationTableWithMembers and LiteLLM_OrganizationMembershipTable
DOCUMENTED = """organization_id organization_alias budget_id spend metadata models model_spend created_by updated_by users
    litellm_budget_table object_permission object_permission_id members teams created_at updated_at"""
MEMBER = "user_id organization_id user_role spend budget_id created_at updated_at user litellm_budget_table user_email"


async def test_members_and_teams_are_worked_out(control: Rig) -> None:
    await cast(control)

    def look(connection: sa.Connection) -> None:
        views = organization_views(connection, tenants.ORGANIZATIONS.all(connection), 0.0)
        first, second = views
        assert set(DOCUMENTED.split()) <= set(first)
        assert set(MEMBER.split()) <= set(first["members"][0])
        assert [team["team_id"] for view in views for team in view["teams"]] == ["t", "s"]
        assert (first["members"][0]["user"]["user_id"], second["members"]) == ("org_admin", [])
        hidden = for_member(first, "somebody")
        assert (hidden["members"], hidden["teams"], hidden["organization_id"]) == ([], [], "o")

    await control.services.database.read(look)
