from __future__ import annotations

from tests.unit.control.documented import missing

from phantom_gateway.control.projects.fields import ProjectNew, ProjectUpdate

# LiteLLM 1.106.2's NewProjectRequest
NEW = """allowed_models blocked budget_duration budget_id description guardrails max_budget max_parallel_requests metadata
    model_itpm_limit model_max_budget model_otpm_limit model_rpm_limit model_tpm_limit models object_permission policies
    project_alias project_id rpm_limit soft_budget tags team_id temp_budget_expiry temp_budget_increase tpd_limit tpm_limit"""


def test_every_documented_field_has_a_fate() -> None:
    assert missing(ProjectNew, NEW) == set()
    assert missing(ProjectUpdate, NEW) == set()
