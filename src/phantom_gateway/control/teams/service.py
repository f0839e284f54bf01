"""What can be done with teams. Handlers parse, this decides and stores."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities import bounds, seeding, temporary
from phantom_gateway.control.entities.members import member_entity, with_defaults
from phantom_gateway.control.entities.people import People
from phantom_gateway.control.entities.revisions import (
    refuse_named,
    refuse_other_budget,
    refuse_priority,
    refuse_routing,
    stamps,
    touched,
)
from phantom_gateway.control.errors import ApiError, bad_field, not_found
from phantom_gateway.control.keys.removal import remove as remove_keys
from phantom_gateway.control.policy.reach import Reach, Target
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.control.teams import changes
from phantom_gateway.control.teams.defaults import defaulted
from phantom_gateway.control.teams.fields import ManyTeamPermissions, TeamFields, TeamModels, TeamNew
from phantom_gateway.control.teams.member_fields import MemberReference
from phantom_gateway.control.teams.view import entity_of, team_views
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.tables import KEYS, REQUESTS
from phantom_gateway.store.tenancy_tables import PROJECTS, TEAM_MEMBERS, TEAMS
from phantom_gateway.store.tenants import JsonObject, TeamMemberRow, TeamRow

NO_TEAM = "There is no such team."


def target_of(row: TeamRow) -> Target:
    """Whom a team belongs to."""
    return Target(team_id=row.id, org_id=row.org_id)


def existing(connection: sa.Connection, team_id: str, reach: Reach, param: str = "team_id") -> TeamRow:
    """The team with this id. Raises ApiError 404 when it is not there or out of reach."""
    row = tenants.TEAMS.get(connection, team_id)
    if row is None or not reach.covers(target_of(row)):
        raise not_found(NO_TEAM, param)
    return row


@dataclass(frozen=True, slots=True)
class TeamService:
    """Acts for a caller, within its reach."""

    writer: Writer
    reach: Reach

    async def create(self, fields: TeamNew, people: People) -> JsonObject:
        """A new team with its first members."""
        now, said = self.writer.now, changes.said(fields)
        fields = defaulted(self.writer.services.litellm_settings(), fields)
        team_id = fields.team_id or str(uuid.uuid4())
        wanted = changes.new_row(fields, team_id, fields.team_member_permissions or [], self.writer)
        roles = _first_members(fields)

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            self._refuse_foreign_place(wanted.org_id)
            if not self.reach.everything:
                refuse_other_budget(None, wanted.budget_id)
                refuse_priority({}, wanted.metadata)
                refuse_routing({}, wanted.extra)
            if self.writer.giver.bounded:
                refuse_named(connection, "team_id", wanted.id, "team_id")
            row = self.writer.giver.made(connection, wanted, said, _names(wanted))
            changes.check(connection, row)
            self._insert(connection, row)
            effects.spent += seeding.seeded(connection, None, entity_of(row), [REQUESTS.c.team_id == row.id], now)
            for reference in roles:
                user = people.found_or_made(connection, reference, row.org_id, effects)
                if tenants.TEAM_MEMBERS.get(connection, row.id, user.id) is not None:
                    raise bad_field("members_with_roles", f"{user.id[:60]!r} is named twice")
                self.writer.giver.check_member(row, reference.role, "members_with_roles")
                member = TeamMemberRow(team_id=row.id, user_id=user.id, role=reference.role, **stamps(self.writer))
                tenants.TEAM_MEMBERS.insert(connection, member)
            effects.forget.append(f"team:{row.id}")  # keys may have named it before
            temporary.note(self.writer.services.temporary, f"team:{row.id}", row, now)
            view = team_views(connection, [row], now)[0]
            effects.audit.append(audited(EventCode.TEAM_CREATED, row, None, view))
            self.writer.tag(row.revision)
            return view

        return await self.writer.commit(change)

    async def update(self, team_id: str, fields: TeamFields) -> tuple[JsonObject, int]:
        """The team after the change, and its revision."""

        def changed(connection: sa.Connection, old: TeamRow) -> TeamRow:
            row = changes.updated_row(old, fields, self.writer)
            self._refuse_beyond(old, row)
            changes.check(connection, row)
            return row

        return await self._replace(team_id, changed, EventCode.TEAM_UPDATED)

    async def set_blocked(self, team_id: str, blocked: bool) -> JsonObject:
        """The team after blocking or unblocking."""
        code = EventCode.TEAM_BLOCKED if blocked else EventCode.TEAM_UNBLOCKED
        view, _ = await self._replace(team_id, lambda _, old: touched(old, self.writer, {"blocked": blocked}), code)
        return view

    async def add_models(self, fields: TeamModels) -> JsonObject:
        """The team with these models as well; one that could use all is restricted to these."""

        def changed(connection: sa.Connection, old: TeamRow) -> TeamRow:
            row = touched(old, self.writer, {"models": list(dict.fromkeys([*old.models, *fields.models]))})
            changes.check(connection, row)
            return row

        view, _ = await self._replace(fields.team_id, changed, EventCode.TEAM_UPDATED)
        return view

    async def remove_models(self, fields: TeamModels) -> JsonObject:
        """The team without these models. The last one stays: a list without any would mean all."""

        def changed(_: sa.Connection, old: TeamRow) -> TeamRow:
            left = [model for model in old.models if model not in fields.models]
            if old.models and not left:
                raise bad_field("models", "none would be left, which means all; block the team, or update its models")
            return touched(old, self.writer, {"models": left})

        view, _ = await self._replace(fields.team_id, changed, EventCode.TEAM_UPDATED)
        return view

    async def set_permissions(self, team_id: str, permissions: list[str]) -> JsonObject:
        """The team with other routes open to its plain members."""
        changes.refuse_unknown_permissions(permissions)
        columns = {"member_permissions": list(dict.fromkeys(permissions))}
        code = EventCode.TEAM_UPDATED
        view, _ = await self._replace(team_id, lambda _, old: touched(old, self.writer, columns), code)
        return view

    async def add_permissions(self, fields: ManyTeamPermissions) -> int:
        """Open further routes to the plain members of several teams; how many were changed. All of them or none."""
        changes.refuse_unknown_permissions(fields.permissions)
        if bool(fields.team_ids) == fields.apply_to_all_teams:
            raise bad_field("team_ids", "give either team_ids or apply_to_all_teams")

        def change(connection: sa.Connection, effects: Effects) -> int:
            if fields.team_ids:
                rows = [existing(connection, each, self.reach, "team_ids") for each in dict.fromkeys(fields.team_ids)]
            else:
                rows = tenants.TEAMS.all(connection, self.reach.where(team=TEAMS.c.id, org=TEAMS.c.org_id))
            changed = 0
            for old in rows:
                permissions = list(dict.fromkeys([*old.member_permissions, *fields.permissions]))
                self.writer.check_match(old.revision)
                if permissions != old.member_permissions:
                    self.writer.giver.check_opened(old, fields.permissions, "permissions")
                    tenants.TEAMS.update(connection, touched(old, self.writer, {"member_permissions": permissions}))
                    effects.forget.append(f"team:{old.id}")
                    before = {"team_member_permissions": old.member_permissions}
                    after = {"team_member_permissions": permissions}
                    effects.audit.append(audited(EventCode.TEAM_UPDATED, old, before, after))
                    self.writer.tag(old.revision + 1)
                    changed += 1
            return changed

        return await self.writer.commit(change)

    async def delete(self, team_ids: list[str]) -> list[str]:
        """Delete teams with their keys, projects and memberships: all of them or none."""

        def change(connection: sa.Connection, effects: Effects) -> None:
            rows = [existing(connection, each, self.reach, "team_ids") for each in dict.fromkeys(team_ids)]
            for row in rows:
                self.writer.check_match(row.revision)
            remove(connection, rows, self.writer, effects)

        await self.writer.commit(change)
        return team_ids

    async def _replace(
        self, team_id: str, changed: Callable[[sa.Connection, TeamRow], TeamRow], code: EventCode
    ) -> tuple[JsonObject, int]:
        now = self.writer.now

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            old = existing(connection, team_id, self.reach)
            self.writer.check_match(old.revision)
            before = team_views(connection, [old], now)[0]
            row = changed(connection, old)
            self.writer.giver.check_changed(connection, old, row, _names(row))
            added = set(row.member_permissions) - set(old.member_permissions)
            self.writer.giver.check_opened(old, added, "team_member_permissions")
            tenants.TEAMS.update(connection, row)
            if row.org_id != old.org_id:
                _move_keys(connection, row)
            log = [REQUESTS.c.team_id == row.id]
            effects.spent += seeding.seeded(connection, entity_of(old), entity_of(row), log, now)
            if old.member_defaults != row.member_defaults:
                effects.spent += _seeded_members(connection, old, row, now)
            effects.forget.append(f"team:{row.id}")
            temporary.note(self.writer.services.temporary, f"team:{row.id}", row, now)
            view = team_views(connection, [row], now)[0]
            effects.audit.append(audited(code, row, before, view))
            self.writer.tag(row.revision)
            return view, row.revision

        return await self.writer.commit(change)

    def _refuse_foreign_place(self, org_id: str | None) -> None:
        if self.reach.everything:
            return
        if org_id is None:
            message = (
                "organization_id: say in which of your organizations; only a proxy_admin makes teams outside of any"
            )
            raise ApiError(403, message, kind="auth_error", param="organization_id")
        if not self.reach.covers(Target(org_id=org_id)):
            raise not_found("There is no such organization.", "organization_id")

    def _refuse_beyond(self, old: TeamRow, row: TeamRow) -> None:
        """A team's own administrator may not give it more; an organisation's may, as far as the organisation goes."""
        if self.reach.everything:
            return
        refuse_priority(old.metadata, row.metadata)
        refuse_routing(old.extra, row.extra)
        if self.reach.over(target_of(old)) is not Relation.ORG_ADMIN:
            bounds.refuse_raised(changes.raised(old, row))
            return
        if row.org_id != old.org_id:
            self._refuse_foreign_place(row.org_id)
        refuse_other_budget(old.budget_id, row.budget_id)

    def _insert(self, connection: sa.Connection, row: TeamRow) -> None:
        try:
            tenants.TEAMS.insert(connection, row)
        except TakenError as error:
            raise TakenError("team_id") from error


def remove(connection: sa.Connection, rows: Iterable[TeamRow], writer: Writer, effects: Effects) -> None:
    """Delete teams and what cannot be without them; keys become tombstones."""
    rows = list(rows)
    for row, view in zip(rows, team_views(connection, rows, writer.now), strict=True):
        projects = tenants.PROJECTS.all(connection, PROJECTS.c.team_id == row.id)
        doomed = keys.of(connection, "team_id", [row.id])
        doomed += keys.of(connection, "project_id", [project.id for project in projects])
        remove_keys(connection, doomed, writer, effects)
        for project in projects:
            tenants.PROJECTS.delete(connection, project.id)
            gone = {"project_id": project.id, "project_alias": project.alias}
            change = Change(EventCode.PROJECT_DELETED, project.id, gone, None, team_id=row.id, tenant=row.org_id)
            effects.audit.append(change)
        connection.execute(sa.delete(TEAM_MEMBERS).where(TEAM_MEMBERS.c.team_id == row.id))
        tenants.TEAMS.delete(connection, row.id)
        effects.forget.append(f"team:{row.id}")
        effects.audit.append(audited(EventCode.TEAM_DELETED, row, view, None))


def audited(code: EventCode, row: TeamRow, before: JsonObject | None, after: JsonObject | None) -> Change:
    """A change of a team for the audit log."""
    return Change(code, row.id, before, after, team_id=row.id, tenant=row.org_id)


def _names(row: TeamRow) -> tuple[str, ...]:
    """What bounds a team anyway."""
    return (f"team:{row.id}",) if row.org_id is None else (f"team:{row.id}", f"org:{row.org_id}")


def _move_keys(connection: sa.Connection, row: TeamRow) -> None:
    """Keys go where their team goes: whoever administers the organisation it has left reaches them no more."""
    named = (KEYS.c.team_id == row.id, KEYS.c.org_id.is_not(None))
    moved = {"org_id": row.org_id, "updated_at": row.updated_at, "updated_by": row.updated_by}
    connection.execute(sa.update(KEYS).where(*named).values(**moved, revision=KEYS.c.revision + 1))


def _first_members(fields: TeamNew) -> list[MemberReference]:
    named = [MemberReference(user_id=each, role="admin") for each in fields.admins or []]
    named += [MemberReference(user_id=each, role="user") for each in fields.members or []]
    return named + (fields.members_with_roles or [])


def _seeded_members(connection: sa.Connection, old: TeamRow, row: TeamRow, now: float) -> list[Any]:
    found: list[Any] = []
    for member in tenants.TEAM_MEMBERS.all(connection, TEAM_MEMBERS.c.team_id == row.id):
        log = [REQUESTS.c.team_id == row.id, REQUESTS.c.user_id == member.user_id]
        before, after = member_entity(with_defaults(member, old)), member_entity(with_defaults(member, row))
        found += seeding.seeded(connection, before, after, log, now)
    return found
