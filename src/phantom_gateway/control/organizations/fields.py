"""The request bodies of ``/organization/*``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from phantom_gateway.control.entities.fields import AllowanceFields, Body, Dollars, Later, LimitFields, Name, NewId
from phantom_gateway.control.entities.people import ONE_OR_MANY, PersonFields
from phantom_gateway.control.entities.temporary import TemporaryFields

OrganizationRole = Literal["org_admin", "internal_user", "internal_user_viewer"]
MOST_AT_ONCE = 500


class OrganizationFields(TemporaryFields, AllowanceFields):
    """What a new organisation and a changed one have in common."""

    organization_alias: Name | None = None

    allowed_models: Later = None
    object_permission: Later = None
    blocked: Later = None


class OrganizationNew(OrganizationFields):
    """Body of ``/organization/new``."""

    organization_id: NewId | None = None
    organization_alias: Name


class OrganizationUpdate(OrganizationFields):
    """Body of ``/organization/update``. A field that is absent stays as it is; ``null`` clears it."""

    organization_id: Name


class OrganizationPatch(OrganizationFields):
    """Body of ``PATCH /v2/organization/{organization_id}``."""


class OrganizationDelete(Body):
    """Body of ``/organization/delete``: all of them or none."""

    organization_ids: Annotated[list[Name], Field(min_length=1, max_length=100)]


class OrganizationReferences(Body):
    """Body of ``POST /organization/info``."""

    organizations: Annotated[list[Name], Field(max_length=100)]


class OrganizationMember(PersonFields):
    """Somebody and his role in the organisation."""

    role: OrganizationRole


class OrganizationMemberLimits(LimitFields):
    """What a member may use of the organisation."""

    max_budget_in_organization: Dollars | None = None


class OrganizationMemberAdd(OrganizationMemberLimits):
    """Body of ``/organization/member_add``: all of them or none."""

    organization_id: Name
    member: Annotated[list[OrganizationMember], Field(min_length=1, max_length=MOST_AT_ONCE), ONE_OR_MANY]


class OrganizationMemberUpdate(TemporaryFields, OrganizationMemberLimits, PersonFields):
    """Body of ``/organization/member_update``. A field that is absent stays as it is; ``null`` clears it."""

    organization_id: Name
    role: OrganizationRole | None = None


class OrganizationMemberDelete(PersonFields):
    """Body of ``/organization/member_delete``."""

    organization_id: Name
