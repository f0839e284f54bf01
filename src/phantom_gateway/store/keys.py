"""Queries on virtual keys. Every function takes a connection inside a transaction of its caller."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store.tables import DELETED_KEYS, KEYS

JsonObject = dict[str, Any]


class AliasTakenError(Exception):
    """Another key has this alias."""


class KeyTakenError(Exception):
    """This very key exists already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """One row of ``keys``. Money in nano-dollars, times in Unix seconds."""

    id: str
    alias: str | None = None
    key_name: str
    user_id: str | None = None
    team_id: str | None = None
    org_id: str | None = None
    models: list[str]
    aliases: dict[str, str]
    metadata: JsonObject
    tags: list[str]
    key_type: str
    allowed_routes: list[str]
    rpm_limit: int | None = None
    tpm_limit: int | None = None
    tpd_limit: int | None = None
    max_parallel_requests: int | None = None
    max_budget_nano: int | None = None
    budget_duration: str | None = None
    budget_anchor: float
    budget_limits: list[JsonObject]
    expires: float | None = None
    blocked: bool
    created_at: float
    created_by: str | None = None
    updated_at: float
    updated_by: str | None = None
    extra: JsonObject
    revision: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFilter:
    """What ``/key/list`` may ask for; ``None`` does not filter."""

    id: str | None = None
    alias: str | None = None
    user_id: str | None = None
    team_id: str | None = None
    org_id: str | None = None
    search: str | None = None
    """Part of an alias; ``%`` and ``_`` stand for themselves."""
    blocked: bool | None = None
    expires_after: float | None = None
    expires_before: float | None = None


SORTABLE = {
    "created_at": KEYS.c.created_at,
    "updated_at": KEYS.c.updated_at,
    "key_alias": KEYS.c.alias,
    "max_budget": KEYS.c.max_budget_nano,
    "expires": KEYS.c.expires,
}
_FIELDS = tuple(field.name for field in fields(KeyRow))
_COLUMNS = tuple(KEYS.c[name] for name in _FIELDS)


def get(connection: sa.Connection, key_id: str) -> KeyRow | None:
    """The key with this id."""
    return _one(connection, KEYS.c.id == key_id)


def get_by_alias(connection: sa.Connection, alias: str) -> KeyRow | None:
    """The key with this alias."""
    return _one(connection, KEYS.c.alias == alias)


def insert(connection: sa.Connection, row: KeyRow) -> None:
    """Store a new key. Raises AliasTakenError or KeyTakenError."""
    if connection.execute(sa.select(KEYS.c.id).where(KEYS.c.id == row.id)).first() is not None:
        raise KeyTakenError
    _refuse_alias_of_another(connection, row)
    connection.execute(sa.insert(KEYS).values(_values(row)))


def update(connection: sa.Connection, row: KeyRow) -> None:
    """Replace the key with the id of ``row``. Raises AliasTakenError."""
    _refuse_alias_of_another(connection, row)
    connection.execute(sa.update(KEYS).where(KEYS.c.id == row.id).values(_values(row)))


def delete(connection: sa.Connection, row: KeyRow, now: float, by: str | None) -> None:
    """Move a key to the tombstones."""
    connection.execute(sa.insert(DELETED_KEYS).values(_values(row) | {"deleted_at": now, "deleted_by": by}))
    connection.execute(sa.delete(KEYS).where(KEYS.c.id == row.id))


def count(connection: sa.Connection, wanted: KeyFilter) -> int:
    """How many keys match."""
    query = sa.select(sa.func.count()).select_from(KEYS).where(*_conditions(wanted))
    return connection.execute(query).scalar_one()


def page(
    connection: sa.Connection, wanted: KeyFilter, order: tuple[str, bool], window: tuple[int, int]
) -> list[KeyRow]:
    """Matching keys: ``order`` is (name in SORTABLE, descending), ``window`` is (offset, limit)."""
    name, descending = order
    column = SORTABLE[name]
    by = (column.desc(), KEYS.c.id.desc()) if descending else (column.asc(), KEYS.c.id.asc())
    offset, limit = window
    query = sa.select(*_COLUMNS).where(*_conditions(wanted)).order_by(*by).offset(offset).limit(limit)
    return [KeyRow(**row) for row in connection.execute(query).mappings()]


def all_ids(connection: sa.Connection) -> list[str]:
    """Ids of all live keys."""
    return list(connection.execute(sa.select(KEYS.c.id)).scalars())


def _one(connection: sa.Connection, condition: sa.ColumnElement[bool]) -> KeyRow | None:
    row = connection.execute(sa.select(*_COLUMNS).where(condition)).mappings().first()
    return None if row is None else KeyRow(**row)


def _refuse_alias_of_another(connection: sa.Connection, row: KeyRow) -> None:
    if row.alias is None:
        return
    taken = connection.execute(sa.select(KEYS.c.id).where(KEYS.c.alias == row.alias, KEYS.c.id != row.id)).first()
    if taken is not None:
        raise AliasTakenError


def _values(row: KeyRow) -> JsonObject:
    return {name: getattr(row, name) for name in _FIELDS}


def _conditions(wanted: KeyFilter) -> list[sa.ColumnElement[bool]]:
    exact = {
        "id": wanted.id,
        "alias": wanted.alias,
        "user_id": wanted.user_id,
        "team_id": wanted.team_id,
        "org_id": wanted.org_id,
    }
    found: list[sa.ColumnElement[bool]] = [KEYS.c[name] == value for name, value in exact.items() if value is not None]
    if wanted.search is not None:
        found.append(KEYS.c.alias.contains(wanted.search, autoescape=True))
    if wanted.blocked is not None:
        found.append(KEYS.c.blocked == wanted.blocked)
    if wanted.expires_after is not None:
        found.append(sa.or_(KEYS.c.expires.is_(None), KEYS.c.expires > wanted.expires_after))
    if wanted.expires_before is not None:
        found.append(KEYS.c.expires <= wanted.expires_before)
    return found
