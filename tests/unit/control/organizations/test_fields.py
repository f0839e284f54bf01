from __future__ import annotations

import pytest
from pydantic import ValidationError
from tests.unit.control.documented import missing

from phantom_gateway.control.organizations.fields import (
    OrganizationMemberAdd,
    OrganizationNew,
    OrganizationPatch,
    OrganizationUpdate,
)

# LiteLLM 1.106.2's NewOrganizationRequest and OrganizationUpdateRequestV2
NEW = """allowed_models budget_duration budget_id max_budget max_parallel_requests metadata model_max_budget model_rpm_limit
    model_tpm_limit models object_permission organization_alias organization_id rpm_limit soft_budget temp_budget_expiry
    temp_budget_increase tpd_limit tpm_limit"""
PATCH = """budget_duration max_budget max_parallel_requests metadata model_max_budget models object_permission organization_alias
    rpm_limit soft_budget tpm_limit"""


def test_every_documented_field_has_a_fate() -> None:
    assert missing(OrganizationNew, NEW) == set()
    assert missing(OrganizationUpdate, NEW) == set()
    assert missing(OrganizationPatch, PATCH) == set()


def test_roles_in_an_organisation_are_not_roles_of_the_gateway() -> None:
    for role in ("org_admin", "internal_user", "internal_user_viewer"):
        OrganizationMemberAdd.model_validate({"organization_id": "o", "member": {"user_id": "u", "role": role}})
    with pytest.raises(ValidationError):
        OrganizationMemberAdd.model_validate(
            {"organization_id": "o", "member": {"user_id": "u", "role": "proxy_admin"}}
        )
