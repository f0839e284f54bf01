from __future__ import annotations

import sqlalchemy as sa
from tests.unit.control.people import cast
from tests.unit.control.rig import Rig
from tests.unit.store.samples import closed

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.entities.listing import Wanted
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.projects.fields import ProjectNew, ProjectUpdate
from phantom_gateway.control.projects.service import LISTING, ProjectService, conditions
from phantom_gateway.store import audit, spend
from phantom_gateway.store.audit import AuditFilter

ALL = Reach(relation=Relation.ADMIN)


async def test_every_change_is_recorded_and_a_budget_knows_what_was_spent(control: Rig) -> None:
    await cast(control)
    service = ProjectService(Writer(control.services, "me"), ALL)
    await service.create(ProjectNew(project_id="x", team_id="t"))
    journal = control.journal("w")
    journal.append(closed(0, cost=700, project_id="x"))
    await control.ingestion.catch_up("w", 1)
    await service.update(ProjectUpdate(project_id="x", max_budget=1.0))
    spent = await control.services.database.read(
        lambda connection: spend.of_window(connection, "budget:project:x:", 0.0)
    )
    assert spent == 700
    await service.delete(["x"])
    found = [each.record for each in audit.stream(control.services.database.database, AuditFilter())]
    assert [(each.event, each.object_id) for each in found if each.event.startswith("project.")] == [
        ("project.created", "x"),
        ("project.updated", "x"),
        ("project.deleted", "x"),
    ]
    await journal.close()


async def test_lists_are_within_reach(control: Rig) -> None:
    await cast(control)
    service = ProjectService(Writer(control.services, "me"), ALL)
    for project, team in (("x", "t"), ("y", "s")):
        await service.create(ProjectNew(project_id=project, team_id=team, project_alias=project))

    def look(connection: sa.Connection) -> list[list[str]]:
        reaches = (ALL, Reach(orgs=frozenset({"o"})), Reach(member_teams=frozenset({"s"})), Reach(user_id="member"))
        wanted = Wanted(1, 10, "project_alias", "asc")
        asked = [conditions(reach, None, None) for reach in reaches]
        asked += [conditions(ALL, "s", None), conditions(ALL, None, "X"), conditions(reaches[1], "s", None)]
        return [[row.id for row in LISTING.page(connection, matching, wanted)[1]] for matching in asked]

    assert await control.services.database.read(look) == [["x", "y"], ["x"], ["y"], [], ["y"], ["x"], []]
