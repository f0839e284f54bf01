from __future__ import annotations

import pytest
from tests.unit.control.people import cast, dump
from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.entities.people import People, PersonFields
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.organizations.fields import (
    OrganizationMember,
    OrganizationMemberAdd,
    OrganizationMemberUpdate,
)
from phantom_gateway.control.organizations.members import OrganizationMemberService
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.store import audit, spend
from phantom_gateway.store.audit import AuditFilter

ALL = Reach(relation=Relation.ADMIN)
USER = OrganizationMember(user_id="user", role="internal_user")


def service(control: Rig, if_match: str | None = None) -> OrganizationMemberService:
    writer = Writer(control.services, "me", if_match)
    return OrganizationMemberService(writer, ALL, People(writer, ALL, ALL))


async def test_every_change_is_recorded_and_a_budget_knows_what_was_spent(control: Rig) -> None:
    await cast(control)
    journal = control.journal("w")
    journal.append(closed(0, cost=700, user_id="user", org_id="o"))
    await control.ingestion.catch_up("w", 1)
    acting = service(control)
    await acting.add(OrganizationMemberAdd(organization_id="o", member=[USER], max_budget_in_organization=1.0))
    scope = "budget:org_member:o/user:"
    spent = await control.services.database.read(lambda connection: spend.of_window(connection, scope, 0.0))
    assert spent == 700
    await acting.update(OrganizationMemberUpdate(organization_id="o", user_id="user", role="org_admin"))
    await acting.remove("o", PersonFields(user_email="user@example.org"))
    found = [each.record for each in audit.stream(control.services.database.database, AuditFilter())]
    assert [(each.event, each.object_id) for each in found if each.event.startswith("organization.")] == [
        ("organization.member_added", "o/user"),
        ("organization.member_updated", "o/user"),
        ("organization.member_removed", "o/user"),
    ]
    await journal.close()


async def test_a_stale_etag_changes_nothing(control: Rig) -> None:
    await cast(control)
    before = await dump(control)
    acting = service(control, '"7"')
    for attempt in (
        acting.add(OrganizationMemberAdd(organization_id="o", member=[USER])),
        acting.update(OrganizationMemberUpdate(organization_id="o", user_id="org_admin", role="internal_user")),
        acting.remove("o", PersonFields(user_id="org_admin")),
    ):
        with pytest.raises(ApiError) as error:
            await attempt
        assert error.value.status == 412
    assert await dump(control) == before
