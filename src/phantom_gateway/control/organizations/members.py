"""What can be done with an organisation's members: their roles, and what each may spend in it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities import bounds, changes, seeding, temporary
from phantom_gateway.control.entities.changes import renamed_columns
from phantom_gateway.control.entities.past import complete
from phantom_gateway.control.entities.people import People, PersonFields, identity
from phantom_gateway.control.entities.revisions import stamps, touched
from phantom_gateway.control.entities.zones import zoned
from phantom_gateway.control.errors import ApiError, bad_field, not_found
from phantom_gateway.control.organizations.fields import (
    OrganizationMemberAdd,
    OrganizationMemberLimits,
    OrganizationMemberUpdate,
)
from phantom_gateway.control.organizations.service import existing
from phantom_gateway.control.organizations.view import member_entity, membership_views
from phantom_gateway.control.policy.actor import ORG_ADMIN
from phantom_gateway.control.policy.reach import Reach, Target
from phantom_gateway.control.policy.table import Relation
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import tenants
from phantom_gateway.store.tables import REQUESTS
from phantom_gateway.store.tenants import JsonObject, OrganizationMemberRow, OrganizationRow


@dataclass(frozen=True, slots=True)
class OrganizationMemberService:
    """Acts for a caller, within its reach."""

    writer: Writer
    reach: Reach
    people: People

    async def add(self, fields: OrganizationMemberAdd) -> JsonObject:
        """All named become members, or none."""
        columns = _columns(zoned(fields, self.writer.zone))

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            org = self._organization(connection, fields.organization_id)
            org = self._touched(connection, org)
            users, rows = [], []
            for each in fields.member:
                user = self.people.found_or_made(connection, each, org.id, effects)
                if tenants.ORGANIZATION_MEMBERS.get(connection, org.id, user.id) is not None:
                    raise bad_field("member", f"{user.id[:60]!r} is in this organization already")
                row = OrganizationMemberRow(
                    org_id=org.id, user_id=user.id, role=each.role, **columns, **stamps(self.writer)
                )
                _check(connection, org, row)
                with _as_fields():
                    self.writer.giver.check_new(connection, row, (f"org:{org.id}",))
                self._check_role(row)
                tenants.ORGANIZATION_MEMBERS.insert(connection, row)
                self._seed(connection, None, row, effects)
                after = membership_views(connection, [row], self.writer.now)[0]
                effects.audit.append(_audited(EventCode.ORGANIZATION_MEMBER_ADDED, org, None, after))
                users.append(identity(user))
                rows.append(row)
            return {
                "organization_id": org.id,
                "updated_users": users,
                "updated_organization_memberships": membership_views(connection, rows, self.writer.now),
            }

        return await self.writer.commit(change)

    async def update(self, fields: OrganizationMemberUpdate) -> JsonObject:
        """The membership after the change."""
        columns = temporary.temporary_columns(fields, self.writer.now)
        if fields.role is not None:
            columns["role"] = fields.role

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            org = self._organization(connection, fields.organization_id)
            old = self._member(connection, org, fields)
            org = self._touched(connection, org)
            before = membership_views(connection, [old], self.writer.now)[0]
            row = touched(old, self.writer, columns | _columns(zoned(fields, self.writer.zone), old))
            _check(connection, org, row)
            with _as_fields():
                self.writer.giver.check_changed(connection, old, row, (f"org:{org.id}",))
            if row.role != old.role:
                self._check_role(row)
            tenants.ORGANIZATION_MEMBERS.update(connection, row)
            self._seed(connection, old, row, effects)
            after = membership_views(connection, [row], self.writer.now)[0]
            effects.audit.append(_audited(EventCode.ORGANIZATION_MEMBER_UPDATED, org, before, after))
            return after

        return await self.writer.commit(change)

    async def remove(self, org_id: str, fields: PersonFields) -> JsonObject:
        """The membership that was. What the person is in the organisation's teams stays."""

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            org = self._organization(connection, org_id)
            row = self._member(connection, org, fields)
            org = self._touched(connection, org)
            view = membership_views(connection, [row], self.writer.now)[0]
            tenants.ORGANIZATION_MEMBERS.delete(connection, org.id, row.user_id)
            effects.forget.append(f"user:{row.user_id}")
            effects.audit.append(_audited(EventCode.ORGANIZATION_MEMBER_REMOVED, org, view, None))
            return view

        return await self.writer.commit(change)

    def _check_role(self, row: OrganizationMemberRow) -> None:
        if row.role == ORG_ADMIN:
            self.writer.giver.check_appointed(Relation.ORG_ADMIN, Target(org_id=row.org_id), "role")

    def _organization(self, connection: sa.Connection, org_id: str) -> OrganizationRow:
        org = existing(connection, org_id, self.reach)
        self.writer.check_match(org.revision)
        return org

    def _touched(self, connection: sa.Connection, org: OrganizationRow) -> OrganizationRow:
        """The organisation at its next revision: its members are part of what its ETag stands for."""
        row = replace(org, revision=org.revision + 1)
        tenants.ORGANIZATIONS.update(connection, row)
        self.writer.tag(row.revision)
        return row

    def _member(self, connection: sa.Connection, org: OrganizationRow, fields: PersonFields) -> OrganizationMemberRow:
        user = self.people.existing(connection, fields)
        row = None if user is None else tenants.ORGANIZATION_MEMBERS.get(connection, org.id, user.id)
        if row is None:
            param = "user_id" if fields.user_id is not None else "user_email"
            raise not_found("There is no such member of this organization.", param)
        return row

    def _seed(
        self,
        connection: sa.Connection,
        old: OrganizationMemberRow | None,
        row: OrganizationMemberRow,
        effects: Effects,
    ) -> None:
        log = [REQUESTS.c.org_id == row.org_id, REQUESTS.c.user_id == row.user_id]
        before = None if old is None else member_entity(old)
        effects.spent += seeding.seeded(connection, before, member_entity(row), log, self.writer.now)
        effects.forget.append(f"user:{row.user_id}")
        temporary.note(self.writer.services.temporary, f"user:{row.user_id}", row, self.writer.now)


def _audited(code: EventCode, org: OrganizationRow, before: JsonObject | None, after: JsonObject | None) -> Change:
    view = after or before or {}
    return Change(code, f"{org.id}/{view['user_id']}", before, after, tenant=org.id)


def _columns(fields: OrganizationMemberLimits, before: OrganizationMemberRow | None = None) -> dict[str, Any]:
    return renamed_columns(fields, before, {"max_budget_in_organization": "max_budget"})


def _check(connection: sa.Connection, org: OrganizationRow, row: OrganizationMemberRow) -> None:
    temporary.check(row)
    changes.check(row)
    with _as_fields():
        if row.budget_duration is not None and row.max_budget_nano is None:
            raise bad_field("budget_duration", "a duration without max_budget")
        bounds.refuse_excess(row, complete(connection, org), "organization", {})


@contextmanager
def _as_fields() -> Iterator[None]:
    """Names the budget of an allowance as members have it."""
    try:
        yield
    except ApiError as error:
        message = error.message.replace("max_budget", "max_budget_in_organization")
        param = "max_budget_in_organization" if error.param == "max_budget" else error.param
        raise ApiError(error.status, message, kind=error.kind, param=param) from error
