"""Keys and teams to which an access group is assigned.

Taking the last entry from somebody's list would open all models to it, since an empty list restricts nothing. So that is
refused, and a group that is deleted stays in the lists, where it admits nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.errors import conflict, not_found
from phantom_gateway.store import keys, tenants
from phantom_gateway.store.keys import KeyRow, assigned
from phantom_gateway.store.rows import Rows
from phantom_gateway.store.tables import KEYS
from phantom_gateway.store.tenants import TeamRow

M = TypeVar("M", KeyRow, TeamRow)
_KEYS = Rows(KEYS, KeyRow)


def keys_of(connection: sa.Connection, group_id: str) -> list[KeyRow]:
    """Keys with the group."""
    return _with(connection, _KEYS, group_id)


def teams_of(connection: sa.Connection, group_id: str) -> list[TeamRow]:
    """Teams with the group."""
    return _with(connection, tenants.TEAMS, group_id)


def names_of(connection: sa.Connection, table: sa.Table, group_ids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By group its teams or keys, as ``{"id", "name"}``; ``table`` says which. One look for all groups."""
    found: dict[str, list[dict[str, Any]]] = {group_id: [] for group_id in group_ids}
    columns = table.c
    query = sa.select(columns.id, columns.alias, columns.access_groups).where(assigned(columns.access_groups))
    if len(group_ids) == 1:
        query = query.where(_names(columns.access_groups, group_ids[0]))
    for member_id, alias, groups in connection.execute(query.order_by(columns.id)):
        for group_id in set(groups).intersection(found):
            found[group_id].append({"id": member_id, "name": alias})
    return found


def assign_keys(connection: sa.Connection, writer: Writer, group_id: str, wanted: Sequence[str]) -> None:
    """Have exactly these keys have the group. Raises ApiError 404 and 409."""
    known = {row.id: row for row in keys.of(connection, "id", list(wanted))}
    for row in _changed(keys_of(connection, group_id), known, group_id, wanted, "assigned_key_ids"):
        keys.update(connection, _touched(row, writer))


def assign_teams(connection: sa.Connection, writer: Writer, group_id: str, wanted: Sequence[str]) -> None:
    """Have exactly these teams have the group. Raises ApiError 404 and 409."""
    known = {row.id: row for row in tenants.TEAMS.of(connection, "id", list(wanted))}
    for row in _changed(teams_of(connection, group_id), known, group_id, wanted, "assigned_team_ids"):
        tenants.TEAMS.update(connection, _touched(row, writer))


def _changed(now: Sequence[Any], known: dict[str, Any], group_id: str, wanted: Sequence[str], field: str) -> list[Any]:
    missing = [name for name in wanted if name not in known]
    if missing:
        raise not_found(f"No such {'key' if field == 'assigned_key_ids' else 'team'}: {missing[0][:64]}", field)
    having = {row.id for row in now}
    added = [
        replace(new, access_groups=[*new.access_groups, group_id]) for new in known.values() if new.id not in having
    ]
    removed = []
    for row in now:
        if row.id in known:
            continue
        left = [name for name in row.access_groups if name != group_id]
        if not left and not row.models:
            raise conflict(
                f"{row.id[:64]} has no other models: without the group it could use all. Give it models first."
            )
        removed.append(replace(row, access_groups=left))
    return added + removed


def _touched(row: M, writer: Writer) -> M:
    return replace(row, updated_at=writer.now, updated_by=writer.by, revision=row.revision + 1)


def _names(column: sa.ColumnElement[Any], group_id: str) -> sa.ColumnElement[bool]:
    return sa.cast(column, sa.Text).contains(json.dumps(group_id), autoescape=True)


def _with(connection: sa.Connection, rows: Rows[M], group_id: str) -> list[M]:
    column: sa.ColumnElement[Any] = rows.table.c.access_groups
    found = rows.all(connection, assigned(column), _names(column, group_id))
    return [row for row in found if group_id in row.access_groups]
