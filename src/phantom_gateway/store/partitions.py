"""The request log in PostgreSQL lies in a partition per month, made ahead; removing old months is dropping tables
(``store.retention``).

What lies in no month that is made (a clock that went wrong, recovery of something very old) goes to ``requests_other``, so that
nothing is ever refused for its date. SQLite has one table, and everything here does nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import sqlalchemy as sa

from phantom_gateway.store.database import Database

MONTHS_AHEAD = 2
_NAME = re.compile(r"requests_y(\d{4})m(\d{2})\Z", re.ASCII)
_LIST = sa.text("""
    SELECT child.relname FROM pg_inherits
    JOIN pg_class child ON child.oid = inhrelid
    WHERE inhparent = to_regclass('requests') ORDER BY child.relname
""")


def prepare(database: Database, now: float) -> list[str]:
    """Make the partitions of this month and the next ones; returns the names of those that are new. Raises DatabaseError.

    Call it at start and every day. Rows that already lie in ``requests_other`` are moved to their month.
    """
    if not database.shared:
        return []
    months = list(_months(now, MONTHS_AHEAD + 1))
    with database.read() as connection:
        known = set(connection.execute(_LIST).scalars())
    if all(_name(month) in known for month in months):
        return []
    with database.migration() as connection:
        known = set(connection.execute(_LIST).scalars())
        missing = [month for month in months if _name(month) not in known]
        for month in missing:
            _make(connection, month)
    return [_name(month) for month in missing]


def before(database: Database, end: int) -> list[tuple[str, int, int]]:
    """The months that are over by ``end``: (name of the table, its first instant, its end), in Unix microseconds.

    Raises DatabaseError.
    """
    if not database.shared:
        return []
    with database.read() as connection:
        names = connection.execute(_LIST).scalars().all()
    matches = [(name, match) for name in names if (match := _NAME.match(name))]
    months = [(name, (int(match[1]), int(match[2]))) for name, match in matches]
    bounds = [(name, _start(month), _start(_after(*month))) for name, month in months]
    return [(name, first, last) for name, first, last in bounds if last <= end]


def _make(connection: sa.Connection, month: tuple[int, int]) -> None:
    """Fill a table of its own first: a partition cannot be made while rows that belong to it lie in the other one."""
    name, start, end = _name(month), _start(month), _start(_after(*month))
    bounds = {"start": start, "end": end}
    connection.exec_driver_sql(f"CREATE TABLE {name} (LIKE requests INCLUDING DEFAULTS)")
    moved = "WITH moved AS (DELETE FROM requests_other WHERE started_at >= :start AND started_at < :end RETURNING *)"
    connection.execute(sa.text(f"{moved} INSERT INTO {name} SELECT * FROM moved"), bounds)  # noqa: S608 # made of two numbers
    connection.exec_driver_sql(f"ALTER TABLE requests ATTACH PARTITION {name} FOR VALUES FROM ({start}) TO ({end})")


def _months(now: float, count: int) -> Iterator[tuple[int, int]]:
    today = datetime.fromtimestamp(now, UTC)
    month = (today.year, today.month)
    for _ in range(count):
        yield month
        month = _after(*month)


def _after(year: int, month: int) -> tuple[int, int]:
    return (year + 1, 1) if month == 12 else (year, month + 1)


def _name(month: tuple[int, int]) -> str:
    return f"requests_y{month[0]:04d}m{month[1]:02d}"


def _start(month: tuple[int, int]) -> int:
    """Unix microseconds."""
    return int(datetime(month[0], month[1], 1, tzinfo=UTC).timestamp()) * 1_000_000
