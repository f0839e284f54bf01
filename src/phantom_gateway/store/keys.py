"""Queries on virtual keys. Every function takes a connection inside a transaction of its caller."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import sqlalchemy as sa

from phantom_gateway.store.matching import contains
from phantom_gateway.store.rows import Condition, Rows, TakenError
from phantom_gateway.store.spend import lifetime
from phantom_gateway.store.tables import DELETED_KEYS, KEY_DIGESTS, KEY_ROTATIONS, KEYS, KEYS_ONLY, TOTALS
from phantom_gateway.store.tenancy_tables import TEAM_MEMBERS
from phantom_gateway.store.tenants import Allowance


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow(Allowance):
    """One row of ``keys``."""

    id: str
    alias: str | None = None
    key_name: str
    user_id: str | None = None
    team_id: str | None = None
    org_id: str | None = None
    project_id: str | None = None
    aliases: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    key_type: str = "default"
    allowed_routes: list[str] = field(default_factory=list)
    access_groups: list[str] = field(default_factory=list)
    expires: float | None = None
    rotation_s: int | None = None
    """Seconds between automatic regenerations."""
    rotated_at: float | None = None
    rotations: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFilter:
    """What ``/key/list`` may ask for; ``None`` does not filter."""

    id: str | None = None
    alias: str | None = None
    user_id: str | None = None
    or_administered: bool = False
    """Beside the keys of ``user_id`` those of the teams it administers."""
    or_created: bool = False
    """Beside the keys of ``user_id`` those it has made."""
    team_id: str | None = None
    org_id: str | None = None
    search: str | None = None
    """Part of an alias; ``%`` and ``_`` stand for themselves."""
    blocked: bool | None = None
    expires_after: float | None = None
    expires_before: float | None = None
    project_id: str | None = None
    access_group_id: str | None = None
    agent_id: str | None = None
    reach: tuple[Condition, ...] = ()
    """What the caller may see at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletedKeyRow(KeyRow):
    """One row of ``deleted_keys``: a key as it was."""

    deleted_at: float
    deleted_by: str | None = None


SORTABLE = {
    "created_at": "created_at",
    "updated_at": "updated_at",
    "key_alias": "alias",
    "key_name": "key_name",
    "token": "id",
    "user_id": "user_id",
    "team_id": "team_id",
    "max_budget": "max_budget_nano",
    "expires": "expires",
}
"""Columns by the names that lists may be sorted by; ``spend`` comes beside."""
_FAR = 1e18
"""A time that never comes."""
_ROWS = Rows(KEYS, KeyRow)
_DELETED = Rows(DELETED_KEYS, DeletedKeyRow)
_FIELDS = tuple(each.name for each in fields(KeyRow))


def get(connection: sa.Connection, key_id: str) -> KeyRow | None:
    """The key with this id."""
    return _ROWS.get(connection, key_id)


def get_many(connection: sa.Connection, key_ids: Sequence[str]) -> list[KeyRow]:
    """Those of these keys that exist."""
    return _ROWS.of(connection, "id", key_ids)


def get_by_alias(connection: sa.Connection, alias: str) -> KeyRow | None:
    """The key with this alias."""
    return _ROWS.one(connection, KEYS.c.alias == alias)


def find(connection: sa.Connection, digest: str) -> tuple[KeyRow, float | None] | None:
    """The key that has or had the value with this digest, and until when that value is good (``None``: it is the present one)."""
    found = connection.execute(
        sa.select(KEY_DIGESTS.c.key_id, KEY_DIGESTS.c.until).where(KEY_DIGESTS.c.digest == digest)
    ).first()
    if found is None:
        return None
    row = get(connection, found.key_id)
    return None if row is None else (row, found.until)


def insert(connection: sa.Connection, row: KeyRow, digest: str | None = None) -> None:
    """Store a new key that is found by ``digest`` (its id when left out). Raises TakenError ``id`` or ``alias``."""
    _refuse_known(connection, digest or row.id)
    _ROWS.insert(connection, row)
    connection.execute(sa.insert(KEY_DIGESTS).values(digest=digest or row.id, key_id=row.id, until=None))


def replace_value(connection: sa.Connection, key_id: str, digest: str, until: float) -> None:
    """Have a key found by another digest; the one before is good until ``until``. Raises TakenError ``id``.

    A value from its schedule that was not fetched yet is of no use any more.
    """
    _refuse_known(connection, digest)
    connection.execute(sa.delete(KEY_ROTATIONS).where(KEY_ROTATIONS.c.key_id == key_id))
    mine = KEY_DIGESTS.c.key_id == key_id
    connection.execute(sa.update(KEY_DIGESTS).where(mine, KEY_DIGESTS.c.until.is_(None)).values(until=until))
    connection.execute(sa.insert(KEY_DIGESTS).values(digest=digest, key_id=key_id, until=None))


def update(connection: sa.Connection, row: KeyRow) -> None:
    """Replace the key with the id of ``row``. Raises StaleError, TakenError."""
    _ROWS.update(connection, row)


def delete(connection: sa.Connection, row: KeyRow, now: float, by: str | None) -> None:
    """Move a key to the tombstones."""
    values = {name: getattr(row, name) for name in _FIELDS}
    connection.execute(sa.insert(DELETED_KEYS).values(values | {"deleted_at": now, "deleted_by": by}))
    for table in (KEY_DIGESTS, KEY_ROTATIONS):
        connection.execute(sa.delete(table).where(table.c.key_id == row.id))
    _ROWS.delete(connection, row.id)


def count(connection: sa.Connection, wanted: KeyFilter) -> int:
    """How many keys match."""
    return _ROWS.count(connection, *conditions(wanted))


def page(
    connection: sa.Connection, wanted: KeyFilter, order: tuple[str, bool], window: tuple[int, int]
) -> list[KeyRow]:
    """Matching keys: ``order`` is (name in SORTABLE, or ``spend``; descending), ``window`` is (offset, limit)."""
    return _ROWS.page(connection, conditions(wanted), _order(KEYS, order), window)


def deleted(
    connection: sa.Connection, wanted: KeyFilter, order: tuple[str, bool], window: tuple[int, int]
) -> tuple[list[DeletedKeyRow], int]:
    """The same of tombstones, and how many match; ``wanted.reach`` is about the columns of ``deleted_keys``."""
    matching = conditions(wanted, DELETED_KEYS)
    return _DELETED.page(connection, matching, _order(DELETED_KEYS, order), window), _DELETED.count(
        connection, *matching
    )


def listed(
    connection: sa.Connection, wanted: KeyFilter, order: tuple[str, bool], window: tuple[int, int]
) -> tuple[int, list[KeyRow]]:
    """How many keys match, and those of a page; as ``page``."""
    matching = conditions(wanted)
    ids = _by_spend(connection, matching, order[1], window) if order[0] == "spend" else None
    if ids is None:
        return _ROWS.listed(connection, matching, _order(KEYS, order), window)
    found = {row.id: row for row in get_many(connection, ids)}
    return _ROWS.count(connection, *matching), [found[key_id] for key_id in ids]


def _by_spend(
    connection: sa.Connection,
    matching: Sequence[Condition],
    descending: bool,
    window: tuple[int, int],
) -> list[str] | None:
    """The ids of a page of the dearest keys, or of the cheapest: from the totals, without asking for that of every key.

    ``None`` where the page is not full with these: beyond the keys that have spent something, beyond those that have not.
    """
    offset, limit = window
    amount, entity = TOTALS.c.amount_nano, TOTALS.c.entity
    spent = sa.select(KEYS.c.id).select_from(sa.join(TOTALS, KEYS, KEYS.c.id == sa.func.substr(entity, 5)))
    spent = spent.where(KEYS_ONLY, *matching)
    if descending:
        query = spent.where(amount > 0).order_by(amount.desc(), entity.desc()).offset(offset).limit(limit)
        found = list(connection.execute(query).scalars())
    else:
        least = spent.where(amount < 0).order_by(amount, entity).limit(offset + limit)
        found = list(connection.execute(least).scalars())
        some = sa.select(sa.literal(1)).where(entity == sa.literal("key:") + KEYS.c.id, amount != 0)
        nothing = sa.select(KEYS.c.id).where(*matching, ~some.exists()).order_by(KEYS.c.id)
        found += connection.execute(nothing.limit(offset + limit - len(found))).scalars()
        found = found[offset:]
    return found if len(found) == limit else None


def of(connection: sa.Connection, column: str, values: Sequence[str]) -> list[KeyRow]:
    """All keys with one of ``values`` in ``column``."""
    return _ROWS.of(connection, column, values)


def all_ids(connection: sa.Connection) -> list[str]:
    """Ids of all live keys."""
    return list(connection.execute(sa.select(KEYS.c.id)).scalars())


def _refuse_known(connection: sa.Connection, digest: str) -> None:
    if connection.execute(sa.select(KEY_DIGESTS.c.key_id).where(KEY_DIGESTS.c.digest == digest)).first() is not None:
        raise TakenError("id")


def _order(table: sa.Table, order: tuple[str, bool]) -> tuple[sa.ColumnElement[Any], bool]:
    name, descending = order
    if name != "spend":
        return table.c[SORTABLE[name]], descending
    return lifetime("key", table.c.id), descending


def conditions(wanted: KeyFilter, table: sa.Table = KEYS) -> list[Condition]:
    """The filter as SQL, on live keys or on tombstones."""
    exact = {
        "id": wanted.id,
        "alias": wanted.alias,
        "team_id": wanted.team_id,
        "org_id": wanted.org_id,
        "project_id": wanted.project_id,
    }
    found: list[Condition] = [table.c[name] == value for name, value in exact.items() if value is not None]
    if wanted.user_id is not None:
        found.append(_of_user(wanted, wanted.user_id, table))
    if wanted.search is not None:
        found.append(contains(table.c.alias, wanted.search))
    if wanted.blocked is not None:
        found.append(table.c.blocked == wanted.blocked)
    if wanted.expires_after is not None:
        # not as two alternatives: for nearly all keys hold one, and no index should be asked which
        found.append(sa.func.coalesce(table.c.expires, _FAR) > wanted.expires_after)
    if wanted.expires_before is not None:
        found.append(table.c.expires <= wanted.expires_before)
    if wanted.access_group_id is not None:
        listed = sa.cast(table.c.access_groups, sa.Text)
        found.append(assigned(table.c.access_groups))
        found.append(listed.contains(json.dumps(wanted.access_group_id), autoescape=True))
    if wanted.agent_id is not None:
        found.append(table.c.extra["agent_id"].as_string() == wanted.agent_id)
    return found + list(wanted.reach)


def assigned(groups: sa.ColumnElement[Any]) -> Condition:
    """Whether a row has any access group: as the index of the few rows that have one says it."""
    return sa.cast(groups, sa.Text) != sa.text("'[]'")


def aliases(connection: sa.Connection, wanted: KeyFilter, window: tuple[int, int]) -> tuple[list[str], int]:
    """Aliases of matching keys in order, ``window`` (offset, limit) of them, and how many there are."""
    named = (*conditions(wanted), KEYS.c.alias.is_not(None))
    offset, limit = window
    query = sa.select(KEYS.c.alias).where(*named).order_by(KEYS.c.alias).offset(offset).limit(limit)
    found = list(connection.execute(query).scalars())
    if len(found) < limit and (found or not offset):
        return found, offset + len(found)
    return found, _ROWS.count(connection, *named)


def _of_user(wanted: KeyFilter, user_id: str, table: sa.Table) -> Condition:
    any_of = [table.c.user_id == user_id]
    if wanted.or_created:
        any_of.append(table.c.created_by == user_id)
    if wanted.or_administered:
        administers = (TEAM_MEMBERS.c.user_id == user_id, TEAM_MEMBERS.c.role == "admin")
        any_of.append(table.c.team_id.in_(sa.select(TEAM_MEMBERS.c.team_id).where(*administers)))
    return sa.or_(*any_of)
