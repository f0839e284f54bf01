"""What can be done with projects. Handlers parse, this decides and stores."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities import bounds, changes, seeding, temporary
from phantom_gateway.control.entities.listing import Listing
from phantom_gateway.control.entities.past import require_budget
from phantom_gateway.control.entities.revisions import (
    refuse_named,
    refuse_other_budget,
    stamps,
    touched,
)
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.policy.reach import Reach
from phantom_gateway.control.projects.fields import ProjectFields, ProjectNew, ProjectUpdate
from phantom_gateway.control.projects.view import entity_of, project_views
from phantom_gateway.control.teams import service as teams
from phantom_gateway.control.teams.changes import access_groups
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.keys import KeyFilter
from phantom_gateway.store.rows import Condition, TakenError
from phantom_gateway.store.spend import lifetime
from phantom_gateway.store.tables import REQUESTS
from phantom_gateway.store.tenancy_tables import PROJECTS
from phantom_gateway.store.tenants import JsonObject, ProjectRow, TeamRow

LISTING = Listing(
    tenants.PROJECTS,
    {
        "project_alias": PROJECTS.c.alias,
        "project_id": PROJECTS.c.id,
        "team_id": PROJECTS.c.team_id,
        "created_at": PROJECTS.c.created_at,
        "updated_at": PROJECTS.c.updated_at,
        "max_budget": PROJECTS.c.max_budget_nano,
        "spend": lifetime("project", PROJECTS.c.id),
    },
)
"""``/project/list``."""


def existing(connection: sa.Connection, project_id: str, reach: Reach, param: str = "project_id") -> ProjectRow:
    """The project with this id. Raises ApiError 404 when it is not there or out of reach."""
    row = tenants.PROJECTS.get(connection, project_id)
    team = None if row is None else tenants.TEAMS.get(connection, row.team_id)
    if row is None or team is None or not reach.covers(teams.target_of(team)):
        raise not_found("There is no such project.", param)
    return row


def conditions(reach: Reach, team_id: str | None, search: str | None) -> list[Condition]:
    """The projects in reach, of a team; ``search`` is a part of an alias or id."""
    found = [reach.where(team=PROJECTS.c.team_id)]
    if team_id is not None:
        found.append(PROJECTS.c.team_id == team_id)
    if search is not None:
        found.append(tenants.PROJECTS.search(search, "alias", "id"))
    return found


@dataclass(frozen=True, slots=True)
class ProjectService:
    """Acts for a caller, within its reach."""

    writer: Writer
    reach: Reach

    async def create(self, fields: ProjectNew) -> JsonObject:
        """A new project of a team."""
        now = self.writer.now
        project_id = fields.project_id or str(uuid.uuid4())
        columns = _columns(zoned(fields, self.writer.zone), None, now) | {"team_id": fields.team_id}
        row = ProjectRow(id=project_id, **columns, **stamps(self.writer))

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            team = teams.existing(connection, row.team_id, self.reach)
            self._check(connection, team, (None, row))
            if not self.reach.everything:
                refuse_named(connection, "project_id", row.id, "project_id")
            try:
                tenants.PROJECTS.insert(connection, row)
            except TakenError as error:
                raise TakenError("project_id") from error
            log = [REQUESTS.c.project_id == row.id]
            effects.spent += seeding.seeded(connection, None, entity_of(row), log, now)
            effects.forget.append(f"project:{row.id}")  # keys may have named it before
            temporary.note(self.writer.services.temporary, f"project:{row.id}", row, now)
            view = project_views(connection, [row], now)[0]
            effects.audit.append(_audited(EventCode.PROJECT_CREATED, row, None, view))
            self.writer.tag(row.revision)
            return view

        return await self.writer.commit(change)

    async def update(self, fields: ProjectUpdate) -> tuple[JsonObject, int]:
        """The project after the change, and its revision. One that has keys stays with its team."""
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            old = existing(connection, fields.project_id, self.reach)
            self.writer.check_match(old.revision)
            before = project_views(connection, [old], now)[0]
            row = touched(
                old,
                self.writer,
                _columns(zoned(fields, self.writer.zone), old, now) | {"team_id": fields.team_id or old.team_id},
            )
            if row.team_id != old.team_id:
                _refuse_keys(connection, old, "team_id")
            self._check(connection, teams.existing(connection, row.team_id, self.reach), (old, row))
            tenants.PROJECTS.update(connection, row)
            log = [REQUESTS.c.project_id == row.id]
            effects.spent += seeding.seeded(connection, entity_of(old), entity_of(row), log, now)
            effects.forget.append(f"project:{row.id}")
            temporary.note(self.writer.services.temporary, f"project:{row.id}", row, now)
            after = project_views(connection, [row], now)[0]
            effects.audit.append(_audited(EventCode.PROJECT_UPDATED, row, before, after))
            return after, row.revision

        return await self.writer.commit(change)

    async def delete(self, project_ids: list[str]) -> list[JsonObject]:
        """Delete projects without keys, all of them or none; as they were."""

        def change(connection: sa.Connection, effects: Effects) -> list[JsonObject]:
            rows = [existing(connection, each, self.reach, "project_ids") for each in dict.fromkeys(project_ids)]
            found = project_views(connection, rows, self.writer.now)
            for row, view in zip(rows, found, strict=True):
                self.writer.check_match(row.revision)
                _refuse_keys(connection, row, "project_ids")
                tenants.PROJECTS.delete(connection, row.id)
                effects.forget.append(f"project:{row.id}")
                effects.audit.append(_audited(EventCode.PROJECT_DELETED, row, view, None))
            return found

        return await self.writer.commit(change)

    def _check(self, connection: sa.Connection, team: TeamRow, versions: tuple[ProjectRow | None, ProjectRow]) -> None:
        old, row = versions
        inside = (f"team:{team.id}", f"org:{team.org_id}", f"project:{row.id}")
        if old is None:
            self.writer.giver.check_new(connection, row, inside)
        else:
            self.writer.giver.check_changed(connection, old, row, inside)
        if not self.reach.everything:
            refuse_other_budget(old.budget_id if old else None, row.budget_id)
        changes.check(row)
        temporary.check(row)
        require_budget(connection, row.budget_id)
        bounds.refuse_excess(row, team, "team", access_groups(connection))


def _audited(code: EventCode, row: ProjectRow, before: JsonObject | None, after: JsonObject | None) -> Change:
    return Change(code, row.id, before, after, team_id=row.team_id)


def _refuse_keys(connection: sa.Connection, row: ProjectRow, param: str) -> None:
    count = keys.count(connection, KeyFilter(project_id=row.id))
    if count:
        raise bad_field(param, f"{row.id[:60]!r} has {count} keys; delete them or give them another project first")


def _columns(fields: ProjectFields, before: ProjectRow | None, now: float) -> dict[str, Any]:
    columns = changes.allowance_columns(fields, before) | temporary.temporary_columns(fields, now)
    for name, column in (("project_alias", "alias"), ("description", "description")):
        if name in fields.model_fields_set:
            columns[column] = getattr(fields, name)
    if "tags" in fields.model_fields_set:
        columns["tags"] = fields.tags or []
    return columns
