from __future__ import annotations

import pytest
from pydantic import ValidationError
from tests.unit.control.documented import missing

from phantom_gateway.control.teams.fields import TeamDelete, TeamNew, TeamPatch, TeamUpdate

# LiteLLM 1.106.2's UpdateTeamRequest, and what NewTeamRequest has besides
UPDATE = """access_group_ids allowed_passthrough_routes allowed_vector_store_indexes blocked budget_duration budget_limits
    default_estimated_output_tokens default_estimated_output_tokens_per_model default_team_member_models
    denied_passthrough_routes disable_global_guardrails enforced_batch_output_expires_after enforced_file_expires_after
    guardrails max_budget mcp_rpm_limit metadata model_aliases model_max_budget model_rpm_limit model_tpm_limit models
    object_permission organization_id policies prompts router_settings rpm_limit secret_manager_settings soft_budget tags
    team_alias team_id team_member_budget team_member_budget_duration team_member_key_duration team_member_rpm_limit
    team_member_tpm_limit tpd_limit tpm_limit"""
NEW = "admins members members_with_roles rpm_limit_type team_member_permissions tpm_limit_type"


def test_every_documented_field_has_a_fate() -> None:
    assert missing(TeamNew, f"{UPDATE} {NEW}") == set()
    assert missing(TeamUpdate, UPDATE) == set()
    assert missing(TeamPatch, UPDATE) == set()


def test_empty_values_of_what_is_not_there_yet_are_accepted() -> None:
    TeamNew(guardrails=[], object_permission=None, router_settings={}, team_member_key_duration=None)
    with pytest.raises(ValidationError, match="not supported in this release"):
        TeamNew(policies=["p"])


def test_how_many_at_once() -> None:
    for ids in ([], ["t"] * 101):
        with pytest.raises(ValidationError):
            TeamDelete(team_ids=ids)
