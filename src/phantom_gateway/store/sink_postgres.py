"""How a batch of the journals gets into PostgreSQL: rows by COPY, sums by one statement per table.

Every statement touches its rows in the order of their keys: batches of several nodes may run at once and never wait for each other
in a circle.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from phantom_gateway.ledger.ingest import Batch, spends_of
from phantom_gateway.ledger.record import Closed, encoder
from phantom_gateway.store import grouping, owners, rollup_fill
from phantom_gateway.store.dimensions import Key
from phantom_gateway.store.grouping import Groups
from phantom_gateway.store.spend_logs import COLUMNS, Values, row_of

_SPEND = sa.text("""
    INSERT INTO spend (scope, window_start, amount_nano, version)
    SELECT scope, window_start, amount_nano, 1
    FROM unnest(CAST(:scopes AS text[]), CAST(:starts AS float8[]), CAST(:amounts AS int8[]))
        AS new (scope, window_start, amount_nano)
    ON CONFLICT (scope, window_start)
    DO UPDATE SET amount_nano = spend.amount_nano + excluded.amount_nano, version = spend.version + 1
""")
_TOTALS = sa.text("""
    INSERT INTO totals (entity, amount_nano, requests, last_active)
    SELECT entity, amount_nano, requests, last_active
    FROM unnest(CAST(:entities AS text[]), CAST(:amounts AS int8[]), CAST(:requests AS int8[]), CAST(:last AS float8[]))
        AS new (entity, amount_nano, requests, last_active)
    ON CONFLICT (entity)
    DO UPDATE SET amount_nano = totals.amount_nano + excluded.amount_nano,
        requests = totals.requests + excluded.requests,
        last_active = greatest(totals.last_active, excluded.last_active)
""")
_OPEN = sa.text("""
    INSERT INTO open_records (incarnation, number, record)
    SELECT :incarnation, number, record FROM unnest(CAST(:numbers AS int8[]), CAST(:records AS bytea[])) AS new (number, record)
""")
_CLOSE = sa.text("""
    DELETE FROM open_records WHERE incarnation = :incarnation AND number = ANY(CAST(:numbers AS int8[]))
""")
_DAMAGE = sa.text("""
    INSERT INTO journal_damage (found_at, incarnation, segment, "offset", length, reason)
    VALUES (:found_at, :incarnation, :segment, :offset, :length, :reason)
""")
_POSITION = sa.text("""
    INSERT INTO journal_positions (incarnation, n, segment, "offset", node)
    VALUES (:incarnation, :n, :segment, :offset, :node)
    ON CONFLICT (incarnation)
    DO UPDATE SET n = excluded.n, segment = excluded.segment, "offset" = excluded."offset", node = excluded.node
""")


def store_closed(
    connection: sa.Connection, incarnation: str, closed: Sequence[Closed], known: Mapping[Key, int]
) -> dict[Key, int]:
    """Rows of the ledger and all sums of them, within the transaction of ``connection``.

    Ids of dimensions as ``rollup_fill.add`` gives them.
    """
    if not closed:
        return {}
    with copying(connection) as write:
        for record in closed:
            write(row_of(incarnation, record))
        groups = grouping.grouped(closed)  # here, and not behind: meanwhile the database works
    _add_spend(connection, closed)
    _add_totals(connection, groups)
    return rollup_fill.add(connection, groups, known)


def store_rest(connection: sa.Connection, batch: Batch, node: str) -> None:
    """What is open now, damage, and how far the journal is read."""
    if opening := batch.opening:
        numbers = [record.n for record in opening]
        records = [encoder.encode(record) for record in opening]
        connection.execute(_OPEN, {"incarnation": batch.incarnation, "numbers": numbers, "records": records})
    if closing := batch.closing_earlier:
        connection.execute(_CLOSE, {"incarnation": batch.incarnation, "numbers": list(closing)})
    found_at = time.time()
    for damage in batch.damage:
        connection.execute(_DAMAGE, {"found_at": found_at, "incarnation": batch.incarnation, **damage._asdict()})
    position = batch.position._asdict()
    connection.execute(_POSITION, {"incarnation": batch.incarnation, "node": node, **position})


@contextmanager
def copying(connection: sa.Connection) -> Iterator[Callable[[Values], None]]:
    """Add rows to the request log, one with each call; the database takes them in meanwhile.

    Raises the driver's errors as DatabaseError, as every statement does.
    """
    quoted = ", ".join(f'"{name}"' for name in COLUMNS)
    cursor = connection.connection.cursor()
    driver: Any = connection.dialect.dbapi
    try:
        with cursor.copy(f"COPY requests ({quoted}) FROM STDIN") as copy:
            yield copy.write_row
    except driver.Error as error:
        # The driver's text quotes the row.
        raise sa.exc.DBAPIError.instance(
            "COPY requests", None, error, driver.Error, hide_parameters=True, dialect=connection.dialect
        ) from None
    finally:
        cursor.close()


def _add_spend(connection: sa.Connection, closed: Sequence[Closed]) -> None:
    if ordered := sorted(spends_of(closed)):
        values = {
            "scopes": [scope for scope, _, _ in ordered],
            "starts": [float(start) for _, start, _ in ordered],
            "amounts": [amount for _, _, amount in ordered],
        }
        connection.execute(_SPEND, values)


def _add_totals(connection: sa.Connection, groups: Groups) -> None:
    if ordered := owners.sums(grouping.owned(groups)):
        values = {
            "entities": [each.entity for each in ordered],
            "amounts": [each.amount for each in ordered],
            "requests": [each.requests for each in ordered],
            "last": [each.last for each in ordered],
        }
        connection.execute(_TOTALS, values)
