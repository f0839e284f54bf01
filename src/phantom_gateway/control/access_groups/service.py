"""What can be done with access groups."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.access_groups import members
from phantom_gateway.control.access_groups.fields import GroupCreate, GroupFields, GroupUpdate
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects, Writer
from phantom_gateway.control.entities.listing import Listing
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.timestamps import iso
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import tenants
from phantom_gateway.store.rows import TakenError
from phantom_gateway.store.tables import KEYS
from phantom_gateway.store.tenancy_tables import ACCESS_GROUPS, TEAMS
from phantom_gateway.store.tenants import AccessGroupRow

JsonObject = dict[str, Any]
Find = Callable[[sa.Connection], AccessGroupRow]
LISTING = Listing(
    tenants.ACCESS_GROUPS,
    {
        "access_group_id": ACCESS_GROUPS.c.id,
        "access_group_name": ACCESS_GROUPS.c.name,
        "created_at": ACCESS_GROUPS.c.created_at,
        "updated_at": ACCESS_GROUPS.c.updated_at,
    },
)
"""Both lists of groups."""


@dataclass(frozen=True, slots=True)
class AccessGroupService:
    """Changes access groups in a caller's name."""

    writer: Writer

    async def create(self, fields: GroupCreate) -> tuple[JsonObject, int]:
        """A new group as it is shown, and its revision."""
        now, by = self.writer.now, self.writer.by
        row = AccessGroupRow(
            id=str(uuid.uuid4()),
            name=fields.access_group_name,
            description=fields.description,
            models=fields.access_model_names or [],
            created_at=now,
            created_by=by,
            updated_at=now,
            updated_by=by,
        )

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            _refuse_taken(connection, row)
            self.writer.giver.check_models(connection, row.models, "access_model_names")
            tenants.ACCESS_GROUPS.insert(connection, row)
            shown = self._changed(connection, effects, fields, row)
            effects.audit.append(Change(EventCode.ACCESS_GROUP_CREATED, row.id, None, shown[0]))
            return shown

        return await self.writer.commit(change)

    async def update(self, find: Find, fields: GroupUpdate) -> tuple[JsonObject, int]:
        """The group after the change."""

        def change(connection: sa.Connection, effects: Effects) -> tuple[JsonObject, int]:
            old = find(connection)
            self.writer.check_match(old.revision)
            before = view(connection, old)
            said = {name: getattr(fields, name) for name in fields.model_fields_set}
            row = replace(
                old,
                name=said.get("access_group_name") or old.name,
                description=said.get("description", old.description),
                models=(said["access_model_names"] or []) if "access_model_names" in said else old.models,
                updated_at=self.writer.now,
                updated_by=self.writer.by,
                revision=old.revision + 1,
            )
            _refuse_taken(connection, row)
            # Taking models out is open to everybody; whoever adds some, or assigns the group, gives all it has.
            gives = not set(row.models) <= set(old.models) or fields.assigned_team_ids or fields.assigned_key_ids
            self.writer.giver.check_models(connection, row.models if gives else [], "access_model_names")
            tenants.ACCESS_GROUPS.update(connection, row)
            shown = self._changed(connection, effects, fields, row)
            effects.audit.append(Change(EventCode.ACCESS_GROUP_UPDATED, row.id, before, shown[0]))
            return shown

        return await self.writer.commit(change)

    async def delete(self, find: Find) -> AccessGroupRow:
        """The group that was deleted. Whoever has it keeps its name, which admits nothing any more."""

        def change(connection: sa.Connection, effects: Effects) -> AccessGroupRow:
            row = find(connection)
            self.writer.check_match(row.revision)
            effects.audit.append(Change(EventCode.ACCESS_GROUP_DELETED, row.id, view(connection, row), None))
            tenants.ACCESS_GROUPS.delete(connection, row.id)
            self._changed(connection, effects, None, row)
            return row

        return await self.writer.commit(change)

    def _changed(
        self, connection: sa.Connection, effects: Effects, fields: GroupFields | None, row: AccessGroupRow
    ) -> tuple[JsonObject, int]:
        """What follows from every change of a group, in one place."""
        effects.forget_all = True  # any list of models may name it
        if fields is None:
            return {}, row.revision
        if fields.assigned_team_ids is not None:
            members.assign_teams(connection, self.writer, row.id, fields.assigned_team_ids)
        if fields.assigned_key_ids is not None:
            members.assign_keys(connection, self.writer, row.id, fields.assigned_key_ids)
        return view(connection, row), row.revision


def by_id(connection: sa.Connection, group_id: str) -> AccessGroupRow:
    """A group. Raises ApiError 404."""
    row = tenants.ACCESS_GROUPS.get(connection, group_id)
    if row is None:
        raise not_found("No such access group.", "access_group_id")
    return row


def by_name(connection: sa.Connection, name: str) -> AccessGroupRow:
    """A group. Raises ApiError 404."""
    row = tenants.ACCESS_GROUPS.one(connection, tenants.ACCESS_GROUPS.table.c.name == name)
    if row is None:
        raise not_found("No such access group.", "access_group")
    return row


def view(connection: sa.Connection, row: AccessGroupRow) -> JsonObject:
    """A group as ``/v1/access_group`` shows it."""
    return views(connection, [row])[0]


def views(connection: sa.Connection, rows: Sequence[AccessGroupRow]) -> list[JsonObject]:
    """Several of them."""
    ids = [row.id for row in rows]
    teams, keys = members.names_of(connection, TEAMS, ids), members.names_of(connection, KEYS, ids)
    return [_view(row, teams[row.id], keys[row.id]) for row in rows]


def _view(row: AccessGroupRow, teams: list[JsonObject], keys: list[JsonObject]) -> JsonObject:
    return {
        "access_group_id": row.id,
        "access_group_name": row.name,
        "description": row.description,
        "access_model_names": row.models,
        "access_mcp_server_ids": [],
        "access_agent_ids": [],
        "access_mcp_servers": [],
        "access_agents": [],
        "assigned_team_ids": [team["id"] for team in teams],
        "assigned_key_ids": [key["id"] for key in keys],
        "assigned_teams": teams,
        "assigned_keys": keys,
        "created_at": iso(row.created_at),
        "created_by": row.created_by,
        "updated_at": iso(row.updated_at),
        "updated_by": row.updated_by,
    }


def _refuse_taken(connection: sa.Connection, row: AccessGroupRow) -> None:
    """Names and ids are looked up alike, so that a name must not be the id of another group either."""
    columns = tenants.ACCESS_GROUPS.table.c
    if tenants.ACCESS_GROUPS.one(connection, columns.id == row.name, columns.id != row.id) is not None:
        raise TakenError("access_group_name")
    if tenants.ACCESS_GROUPS.one(connection, columns.name == row.name, columns.id != row.id) is not None:
        raise bad_field("access_group_name", "another access group has this name")
