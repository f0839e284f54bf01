from __future__ import annotations

import pytest
from tests.unit.control.people import cast
from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.entities.listing import Wanted
from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.organizations.fields import OrganizationNew, OrganizationUpdate
from phantom_gateway.control.organizations.service import OrganizationService, OrganizationViews
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.store import audit, spend
from phantom_gateway.store.audit import AuditFilter

ALL = Reach(relation=Relation.ADMIN)


async def test_a_new_budget_knows_what_was_spent(control: Rig) -> None:
    await cast(control)
    journal = control.journal("w")
    journal.append(closed(0, cost=700, team_id="t", org_id="o"))
    await control.ingestion.catch_up("w", 1)
    service = OrganizationService(Writer(control.services, "me"), ALL)
    await service.update("o", OrganizationUpdate(organization_id="o", max_budget=1.0))
    spent = await control.services.database.read(lambda connection: spend.of_window(connection, "budget:org:o:", 0.0))
    assert spent == 700
    await journal.close()


async def test_every_change_is_recorded(control: Rig) -> None:
    service = OrganizationService(Writer(control.services, "me"), ALL)
    await service.create(OrganizationNew(organization_id="x", organization_alias="x"))
    await service.update("x", OrganizationUpdate(organization_id="x", rpm_limit=1))
    await service.delete(["x"])
    found = [each.record for each in audit.stream(control.services.database.database, AuditFilter())]
    assert [(each.event, each.object_id) for each in found if "org" in each.event] == [
        ("organization.created", "x"),
        ("organization.updated", "x"),
        ("organization.deleted", "x"),
    ]


async def test_a_plain_member_reaches_the_organisation_and_nothing_below(control: Rig) -> None:
    await cast(control)
    views = OrganizationViews(Reach(member_orgs=frozenset({"o"})), "user", 0.0)

    wanted = Wanted(1, 10, "organization_alias", "asc")
    total, found = await control.services.database.read(lambda connection: views.listed(connection, None, None, wanted))
    assert total == 1
    assert [(each["organization_id"], each["teams"]) for each in found] == [("o", [])]
    with pytest.raises(ApiError):
        await control.services.database.read(lambda connection: views.some(connection, ["o", "p"]))
