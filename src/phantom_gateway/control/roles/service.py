"""What can be done with custom roles."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.errors import ApiError, not_found
from phantom_gateway.control.roles.fields import RoleNew, RoleUpdate
from phantom_gateway.control.timestamps import iso
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import tenants
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.tenancy_tables import USERS
from phantom_gateway.store.tenants import RoleRow

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RoleService:
    """Acts for an administrator: nobody else gets here."""

    writer: Writer

    async def new(self, fields: RoleNew) -> JsonObject:
        """A new role."""
        now, by = self.writer.now, self.writer.by
        row = RoleRow(
            id=fields.role,
            description=fields.description,
            grants=dict(fields.grants),
            created_at=now,
            created_by=by,
            updated_at=now,
            updated_by=by,
        )

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            self.writer.giver.check_power(row.id, "role")
            try:
                tenants.ROLES.insert(connection, row)
            except TakenError as error:
                raise TakenError("role") from error
            effects.audit.append(Change(EventCode.ROLE_CREATED, row.id, after=view(row)))
            self.writer.tag(row.revision)
            return view(row)

        return await self.writer.commit(change)

    async def update(self, fields: RoleUpdate) -> JsonObject:
        """The role after the change. Who has it may do the new things from the next request on."""
        given = {name: getattr(fields, name) for name in fields.model_fields_set & {"description", "grants"}}
        if given.get("grants", {}) is None:
            del given["grants"]

        def change(connection: sa.Connection, effects: Effects) -> JsonObject:
            old = existing(connection, fields.role)
            self.writer.check_match(old.revision)
            self.writer.giver.check_power(old.id, "role")
            stamps: JsonObject = {
                "updated_at": self.writer.now,
                "updated_by": self.writer.by,
                "revision": old.revision + 1,
            }
            row = replace(old, **given, **stamps)
            tenants.ROLES.update(connection, row)
            effects.audit.append(Change(EventCode.ROLE_UPDATED, row.id, view(old), view(row)))
            self.writer.tag(row.revision)
            return view(row)

        return await self.writer.commit(change)

    async def delete(self, names: Iterable[str]) -> int:
        """Delete roles that nobody has: all of them or none. Raises ApiError 400 and 404."""

        def change(connection: sa.Connection, effects: Effects) -> int:
            rows = {row.id: row for row in (existing(connection, name) for name in names)}
            for row in rows.values():
                self.writer.check_match(row.revision)
                users = tenants.USERS.count(connection, USERS.c.role == row.id)
                if users:
                    raise ApiError(400, f"roles: {users} users have the role {row.id}", param="roles")
                tenants.ROLES.delete(connection, row.id)
                effects.audit.append(Change(EventCode.ROLE_DELETED, row.id, view(row)))
            return len(rows)

        return await self.writer.commit(change)


def existing(connection: sa.Connection, name: str) -> RoleRow:
    """The role with this name. Raises ApiError 404."""
    row = tenants.ROLES.get(connection, name)
    if row is None:
        raise not_found("There is no such role.", "role")
    return row


def view(row: RoleRow) -> JsonObject:
    """A role as the API shows it."""
    return {
        "role": row.id,
        "description": row.description,
        "grants": row.grants,
        "created_at": iso(row.created_at),
        "created_by": row.created_by,
        "updated_at": iso(row.updated_at),
        "updated_by": row.updated_by,
    }
