"""Queries on what was spent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from phantom_gateway.store.tables import REQUESTS, SPEND, TOTALS

_COLUMN_OF = {
    "key": "key_id",
    "user": "user_id",
    "team": "team_id",
    "org": "org_id",
    "project": "project_id",
    "customer": "end_user",
}
_TOTALS_OF = sa.select(TOTALS.c.entity, TOTALS.c.amount_nano, TOTALS.c.requests, TOTALS.c.last_active).where(
    TOTALS.c.entity.in_(sa.bindparam("entities", expanding=True))
)
WindowSpend = tuple[str, float, int]
"""(scope, window start, nano-dollars spent)"""


@dataclass(frozen=True, slots=True)
class Total:
    """What an entity spent in its whole life, in nano-dollars."""

    amount_nano: int = 0
    requests: int = 0
    last_active: float = 0.0
    """Unix seconds; 0 = never."""


def key_entity(key_id: str) -> str:
    """The name of a key as an entity of limits and totals."""
    return f"key:{key_id}"


def of_window(connection: sa.Connection, scope: str, window_start: float) -> int:
    """Nano-dollars spent of a budget in the window that starts there."""
    query = sa.select(SPEND.c.amount_nano).where(SPEND.c.scope == scope, SPEND.c.window_start == window_start)
    return connection.execute(query).scalar_one_or_none() or 0


def of_windows(connection: sa.Connection, windows: Sequence[tuple[str, float]]) -> dict[tuple[str, float], int]:
    """The same for several windows at once; windows without spend are missing."""
    found: dict[tuple[str, float], int] = {}
    for start in range(0, len(windows), 200):
        part = windows[start : start + 200]
        statement = _lookup(connection.dialect.paramstyle, len(part))
        for scope, at, amount in connection.exec_driver_sql(statement, tuple([each for pair in part for each in pair])):
            found[scope, at] = amount
    return found


@cache
def _lookup(paramstyle: str, count: int) -> str:
    # past SQLAlchemy, which would compile a statement anew for each number of windows; the values are bound
    mark = "?" if paramstyle == "qmark" else "%s"
    pairs = " OR ".join([f"(scope = {mark} AND window_start = {mark})"] * count)
    return f"SELECT scope, window_start, amount_nano FROM {SPEND.name} WHERE {pairs}"  # noqa: S608 only names of our own


def totals(connection: sa.Connection, entities: Sequence[str]) -> dict[str, Total]:
    """Lifetime spend of entities; those that never spent are missing."""
    found: dict[str, Total] = {}
    for start in range(0, len(entities), 500):
        rows = connection.execute(_TOTALS_OF, {"entities": entities[start : start + 500]}).all()
        found.update({entity: Total(*total) for entity, *total in rows})
    return found


def lifetime(kind: str, names: sa.ColumnElement[str]) -> sa.ColumnElement[int]:
    """What each of some entities spent in its whole life, in nano-dollars, as something to sort by; ``names`` are their ids."""
    mine = TOTALS.c.entity == sa.literal(f"{kind}:") + names
    return sa.func.coalesce(sa.select(TOTALS.c.amount_nano).where(mine).scalar_subquery(), 0)


def seed_window(connection: sa.Connection, key_id: str, scope: str, window_start: float) -> WindowSpend:
    """``seed`` for a budget of a key."""
    return seed(connection, [REQUESTS.c.key_id == key_id], scope, window_start)


def seed_user_window(connection: sa.Connection, user_id: str, scope: str, window_start: float) -> WindowSpend:
    """``seed`` for a budget of a user, whose personal keys count (a team's key spends the team's money)."""
    personal = [REQUESTS.c.user_id == user_id, REQUESTS.c.team_id.is_(None)]
    return seed(connection, personal, scope, window_start)


def seed(
    connection: sa.Connection, log: Sequence[sa.ColumnElement[bool]], scope: str, window_start: float
) -> WindowSpend:
    """Give a budget that is new on an entity what the entity has already spent in the budget's window, from the spend log.

    ``log`` are conditions on its rows. Without it a changed ``budget_duration`` would hand out the whole budget once more.
    Returns what counts as spent now.
    """
    query = sa.select(sa.func.coalesce(sa.func.sum(REQUESTS.c.cost_nano), 0)).where(
        *log, REQUESTS.c.started_at >= int(window_start * 1_000_000)
    )
    logged = int(connection.execute(query).scalar_one())
    booked = of_window(connection, scope, window_start)
    if logged <= booked:
        return scope, window_start, booked
    return put_window(connection, scope, window_start, logged)


def put_window(connection: sa.Connection, scope: str, window_start: float, amount_nano: int) -> WindowSpend:
    """Have ``amount_nano`` count as spent of a budget in a window, whatever it was before."""
    statement = insert_or(connection, SPEND).values(
        scope=scope, window_start=window_start, amount_nano=amount_nano, version=1
    )
    changes = {"amount_nano": amount_nano, "version": SPEND.c.version + 1}
    connection.execute(statement.on_conflict_do_update(index_elements=["scope", "window_start"], set_=changes))
    return scope, window_start, amount_nano


def versions(
    connection: sa.Connection, windows: Sequence[tuple[str, float]]
) -> dict[tuple[str, float], tuple[int, int]]:
    """(nano-dollars, version) of windows. A row's version grows with every change, so of two readings the newer is known.

    A window without a row is (0, 0). Versions are kept on PostgreSQL only.
    """
    found = dict.fromkeys(windows, (0, 0))
    key = sa.tuple_(SPEND.c.scope, SPEND.c.window_start)
    for start in range(0, len(windows), 500):
        rows = connection.execute(sa.select(SPEND).where(key.in_(windows[start : start + 500])))
        found |= {(row.scope, row.window_start): (row.amount_nano, row.version) for row in rows}
    return found


def insert_or(connection: sa.Connection, table: sa.Table) -> sqlite.Insert | postgresql.Insert:
    """INSERT ... ON CONFLICT, which both databases spell alike and SQLAlchemy keeps apart."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def rows_of(entity: str) -> list[sa.ColumnElement[bool]]:
    """Which rows of the spend log count for ``entity``, a name as in scopes; ``/model:<name>`` behind it narrows it to one model.

    A user's own budget counts for keys outside of teams only. Raises ValueError for a kind that spends nothing.
    """
    entity, _, model = entity.partition("/model:")
    kind, _, name = entity.partition(":")
    found: list[sa.ColumnElement[bool]] = [REQUESTS.c.model_group == model] if model else []
    if kind in _COLUMN_OF:
        found.append(REQUESTS.c[_COLUMN_OF[kind]] == name)
        if kind == "user":
            found.append(REQUESTS.c.team_id.is_(None))
    elif kind in ("member", "org_member"):
        whole, _, user = name.partition("/")
        found += [
            (REQUESTS.c.team_id if kind == "member" else REQUESTS.c.org_id) == whole,
            REQUESTS.c.user_id == user,
        ]
    elif kind == "tag":
        # The column is a JSON list. Not LIKE, which SQLite compares without regard to case.
        found.append(sa.func.replace(REQUESTS.c.tags, json.dumps(name), "") != REQUESTS.c.tags)
    else:
        raise ValueError(f"nobody spends as {kind!r}")
    return found
