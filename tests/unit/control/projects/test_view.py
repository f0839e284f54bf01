from __future__ import annotations

from tests.unit.control.people import STAMPS
from tests.unit.control.rig import Rig

from phantom_gateway.control.projects.view import entity_of, project_views
from phantom_gateway.store.tenants import ProjectRow

# LiteLLM 1.106.2's LiteLLM_ProjectTable
DOCUMENTED = """project_id project_alias description team_id budget_id metadata models spend model_spend model_rpm_limit
    model_tpm_limit blocked object_permission_id created_by updated_by created_at updated_at litellm_budget_table
    object_permission"""


async def test_all_fields_are_there(control: Rig) -> None:
    row = ProjectRow(id="x", team_id="t", max_budget_nano=1_000_000_000, **STAMPS)
    (view,) = await control.services.database.read(lambda connection: project_views(connection, [row], 0.0))
    assert set(DOCUMENTED.split()) <= set(view)
    assert (view["spend"], view["litellm_budget_table"]["max_budget"], entity_of(row).name) == (0.0, 1.0, "project:x")
