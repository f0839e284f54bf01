"""What dashboards say of keys, teams and users beside their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store.tables import DELETED_KEYS, KEYS
from phantom_gateway.store.tenancy_tables import ORGANIZATIONS, TEAMS, USERS

JsonObject = dict[str, Any]
_NOBODY: JsonObject = {"key_alias": None, "team_id": None, "user_id": None, "user_email": None, "key_exists": False}


def of_keys(connection: sa.Connection, ids: Sequence[str]) -> dict[str, JsonObject]:
    """``KeyMetadata`` of every id; of deleted keys from their tombstones."""
    found = {key_id: dict(_NOBODY) for key_id in ids}
    for table, exists in ((DELETED_KEYS, False), (KEYS, True)):
        columns = table.c.id, table.c.alias, table.c.team_id, table.c.user_id, USERS.c.email
        query = sa.select(*columns).select_from(sa.outerjoin(table, USERS, USERS.c.id == table.c.user_id))
        for row in connection.execute(query.where(table.c.id.in_(list(ids)))):
            found[row[0]] = dict(zip(_NOBODY, (*row[1:], exists), strict=True))
    return found


def of_entities(connection: sa.Connection, column: str, ids: Sequence[str]) -> dict[str, JsonObject]:
    """``metadata`` of teams, users or organisations; nothing is said of others."""
    if column == "team_id":
        return _named(connection, ids, TEAMS.c.id, {"team_alias": TEAMS.c.alias})
    if column == "user_id":
        return _named(connection, ids, USERS.c.id, {"user_email": USERS.c.email, "user_alias": USERS.c.alias})
    if column == "org_id":
        return _named(connection, ids, ORGANIZATIONS.c.id, {"organization_alias": ORGANIZATIONS.c.alias})
    return {}


def _named(
    connection: sa.Connection, ids: Sequence[str], key: sa.Column[Any], columns: dict[str, sa.Column[Any]]
) -> dict[str, JsonObject]:
    found: dict[str, JsonObject] = {each: dict.fromkeys(columns) for each in ids}
    for row in connection.execute(sa.select(key, *columns.values()).where(key.in_(list(ids)))):
        found[row[0]] = dict(zip(columns, row[1:], strict=True))
    return found
