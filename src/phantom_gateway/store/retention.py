"""Removing old rows of the request log, so that everything that is said of them stays true.

Totals, budgets and the sums of the dashboards keep what they say. What the removed rows had added up to is kept by entity
(``removed``), written in the transaction that removes them: rows and ``removed`` together are the totals at every moment. Only
whole UTC days are removed, oldest first; ``removed_before`` in ``facts`` says up to which, and is written first.

A month that PostgreSQL keeps as a table of its own is dropped whole; the rest goes in small transactions.
"""

from __future__ import annotations

import logging

import sqlalchemy as sa

from phantom_gateway.store import partitions, total_sums
from phantom_gateway.store.corrections import INCARNATION
from phantom_gateway.store.database import Database
from phantom_gateway.store.rollup_tables import DAY_US
from phantom_gateway.store.spend import insert_or
from phantom_gateway.store.tables import FACTS, REMOVED, REQUESTS
from phantom_gateway.store.total_sums import Summed

log = logging.getLogger(__name__)

CHUNK = 5_000
EVERYTHING = "*"
"""In ``removed``: all rows."""
TAKEN_BACK = "-"
"""Before an entity in ``removed``: corrections downwards."""
_BEFORE = "removed_before"
_CLAIM = "removal_claimed"
_TAKEN_BACK = (REQUESTS.c.incarnation == INCARNATION, REQUESTS.c.cost_nano < 0)


def claim(database: Database, name: str, now: float, seconds: float) -> bool:
    """Whether it is this node's turn: nobody has begun within the last ``seconds``. Raises DatabaseError."""
    with database.write() as connection:
        said = _fact(connection, _CLAIM)
        at = float(said.partition(" ")[0]) if said else 0.0
        if at > now - seconds:
            return False
        _set_fact(connection, _CLAIM, f"{now} {name}")
        return True


def begin(database: Database, before: float) -> int:
    """Say that rows of days that end at or before ``before`` (Unix seconds) go; their end in Unix microseconds.

    Raises DatabaseError.
    """
    end = int(before * 1_000_000) // DAY_US * DAY_US
    with database.write() as connection:
        end = max(end, removed_before(connection))
        _set_fact(connection, _BEFORE, str(end))
    return end


def drop_months(database: Database, end: int) -> int:
    """Drop the tables of months before ``end`` (Unix microseconds); how many rows that were. Raises DatabaseError."""
    removed = 0
    for name, first, last in partitions.before(database, end):
        with database.migration() as connection:
            rows = _take_out(connection, REQUESTS.c.started_at >= first, REQUESTS.c.started_at < last)
            connection.exec_driver_sql(f"DROP TABLE {name}")
        removed += rows
    return removed


def remove_some(database: Database, end: int) -> int:
    """Remove some of the oldest rows from before ``end`` (Unix microseconds); how many: 0 at the end. Raises DatabaseError."""
    with database.write() as connection:
        started = REQUESTS.c.started_at
        oldest = sa.select(started).where(started < end).order_by(started).limit(CHUNK).subquery()
        bound = connection.execute(sa.select(sa.func.max(oldest.c.started_at))).scalar()
        if bound is None:
            return 0
        rows = _take_out(connection, started <= bound)
        connection.execute(sa.delete(REQUESTS).where(started <= bound))
        return rows


def removed_before(connection: sa.Connection) -> int:
    """Up to when (Unix microseconds) rows may be missing; 0: none are."""
    said = _fact(connection, _BEFORE)
    return int(said) if said else 0


def removed(connection: sa.Connection) -> dict[str, Summed]:
    """What removed rows had added up to: by entity, of ``EVERYTHING``, and with ``TAKEN_BACK`` before it what was taken back."""
    rows = connection.execute(sa.select(REMOVED))
    return {row.entity: Summed(row.amount_nano, row.requests) for row in rows}


def _take_out(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> int:
    """Keep what rows that are about to go add up to; how many they are."""
    added = total_sums.of_rows(connection, *where)
    taken_back = total_sums.of_rows(connection, *where, *_TAKEN_BACK)
    cost = sa.func.coalesce(sa.func.sum(REQUESTS.c.cost_nano), 0)
    count, whole = connection.execute(sa.select(sa.func.count(), cost).where(*where)).one()
    back = connection.execute(sa.select(cost).where(*where, *_TAKEN_BACK)).scalar_one()
    added[EVERYTHING] = Summed(int(whole), int(count))
    added |= {f"{TAKEN_BACK}{entity}": each for entity, each in taken_back.items()}
    added[f"{TAKEN_BACK}{EVERYTHING}"] = Summed(int(back), 0)
    rows = [
        {"entity": entity, "amount_nano": each.amount, "requests": each.requests}
        for entity, each in sorted(added.items())
        if each.amount or each.requests
    ]
    if rows:
        insert = insert_or(connection, REMOVED)
        connection.execute(
            insert.on_conflict_do_update(
                index_elements=[REMOVED.c.entity],
                set_={
                    "amount_nano": REMOVED.c.amount_nano + insert.excluded.amount_nano,
                    "requests": REMOVED.c.requests + insert.excluded.requests,
                },
            ),
            rows,
        )
    return int(count)


def _fact(connection: sa.Connection, name: str) -> str | None:
    return connection.execute(sa.select(FACTS.c.value).where(FACTS.c.name == name)).scalar_one_or_none()


def _set_fact(connection: sa.Connection, name: str, value: str) -> None:
    insert = insert_or(connection, FACTS).values(name=name, value=value)
    connection.execute(insert.on_conflict_do_update(index_elements=[FACTS.c.name], set_={"value": value}))
