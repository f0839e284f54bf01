"""The database as the journals' ingestion sees it: rows, spend and position in one transaction, hence exactly once."""

from __future__ import annotations

import base64
import dataclasses
import logging
import time
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from phantom_gateway.ledger.ingest import Batch, spends_of
from phantom_gateway.ledger.record import Closed, Opened, decoder, encoder, storable
from phantom_gateway.ledger.replay import Damage, Position
from phantom_gateway.store import grouping, owners, rollup_fill, sink_postgres, spend_logs
from phantom_gateway.store.database import Database, DatabaseError
from phantom_gateway.store.dimensions import Key
from phantom_gateway.store.grouping import Groups
from phantom_gateway.store.spend import insert_or
from phantom_gateway.store.tables import JOURNAL_DAMAGE, JOURNAL_POSITIONS, OPEN_RECORDS

log = logging.getLogger(__name__)

_DELETE_CHUNK = 500
_MOST_DIMENSIONS = 50_000
# Past SQLAlchemy's parameters, as in ``spend_logs``.
_SPEND = """
    INSERT INTO spend (scope, window_start, amount_nano) VALUES (?, ?, ?)
    ON CONFLICT (scope, window_start) DO UPDATE SET amount_nano = spend.amount_nano + excluded.amount_nano
"""
_TOTALS = """
    INSERT INTO totals (entity, amount_nano, requests, last_active) VALUES (?, ?, ?, ?)
    ON CONFLICT (entity) DO UPDATE SET amount_nano = totals.amount_nano + excluded.amount_nano,
        requests = totals.requests + excluded.requests, last_active = max(totals.last_active, excluded.last_active)
"""
_VALUE_FAILURES = (DatabaseError, OverflowError, ValueError)
"""Drivers refuse some values before the database sees them."""
_STATES = ("22", "54")
"""Classes of SQLSTATE: a value that is none, and one that is too large for what it shall go into."""


class DatabaseSink:
    """Implements ``ledger.ingest.Sink``. Every method may raise DatabaseError."""

    def __init__(self, database: Database, node: str = "") -> None:
        self._database = database
        self._node = node
        """Whose journals these are, where several nodes share the database."""
        self._dimensions: dict[Key, int] = {}
        """Ids of dimensions in committed transactions: they never change, so they need not be looked up again."""

    def positions(self) -> Mapping[str, Position]:
        """How far each journal is stored."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(JOURNAL_POSITIONS))
            return {row.incarnation: Position(row.n, row.segment, row.offset) for row in rows}

    def apply(self, batch: Batch) -> None:
        """Store a batch with everything that follows from it, or nothing of it.

        A record that the database cannot hold is kept aside as damage, and everything else is stored: one record must not stop a
        node for good.
        """
        for damage in batch.damage:
            log.error("the journal of %s is damaged: %s", batch.incarnation, damage)
        try:
            with self._database.append() as connection:
                found = _store_closed(connection, batch.incarnation, batch.closed, self._dimensions)
                _store_rest(connection, batch, self._node)
        except _VALUE_FAILURES as error:
            if not _is_of_a_value(error):
                raise
        else:
            self._remember(found)
            return
        closed = [record for record in map(storable, batch.closed) if isinstance(record, Closed)]
        with self._database.append() as connection:
            aside = _store_storable(connection, batch.incarnation, closed)
            damaged = (*batch.damage, *[_damage(batch, record, why) for record, why in aside])
            _store_rest(connection, dataclasses.replace(batch, damage=damaged), self._node)
        for record, why in aside:
            log.error(
                "record %d of %s cannot be stored (%s); it is not in the ledger, but kept in journal_damage",
                record.n,
                batch.incarnation,
                type(why).__name__,
            )

    def _remember(self, found: dict[Key, int]) -> None:
        if len(self._dimensions) > _MOST_DIMENSIONS:
            self._dimensions.clear()
        self._dimensions.update(found)

    def all_open(self) -> list[tuple[str, Opened]]:
        """What all incarnations of this node have opened and not closed."""
        query = sa.select(OPEN_RECORDS.c.incarnation, OPEN_RECORDS.c.record)
        if self._database.shared:
            mine = sa.select(JOURNAL_POSITIONS.c.incarnation).where(JOURNAL_POSITIONS.c.node == self._node)
            query = query.where(OPEN_RECORDS.c.incarnation.in_(mine))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        decoded = [(incarnation, storable(decoder.decode(payload))) for incarnation, payload in rows]
        return [(incarnation, record) for incarnation, record in decoded if isinstance(record, Opened)]

    def open_records(self, incarnation: str) -> Sequence[Opened]:
        """What ``incarnation`` has opened and not closed, in order."""
        query = (
            sa.select(OPEN_RECORDS.c.record)
            .where(OPEN_RECORDS.c.incarnation == incarnation)
            .order_by(OPEN_RECORDS.c.number)
        )
        with self._database.read() as connection:
            records = [storable(decoder.decode(payload)) for payload in connection.execute(query).scalars()]
        return [record for record in records if isinstance(record, Opened)]

    def forget_positions(self, keep: Iterable[str]) -> None:
        """Drop the positions of this node's incarnations other than ``keep``: those whose directories are gone."""
        known = set(keep)
        mine = sa.select(JOURNAL_POSITIONS.c.incarnation).where(JOURNAL_POSITIONS.c.node == self._node)
        with self._database.read() as connection:
            gone = [incarnation for incarnation in connection.execute(mine).scalars() if incarnation not in known]
        with self._database.write() as connection:
            for start in range(0, len(gone), _DELETE_CHUNK):
                chunk = gone[start : start + _DELETE_CHUNK]
                connection.execute(sa.delete(JOURNAL_POSITIONS).where(JOURNAL_POSITIONS.c.incarnation.in_(chunk)))


def _store_closed(
    connection: sa.Connection, incarnation: str, closed: Sequence[Closed], known: Mapping[Key, int]
) -> dict[Key, int]:
    """Rows of the ledger and all sums of them; ids of dimensions as ``rollup_fill.add`` gives them."""
    if connection.dialect.name == "postgresql":
        return sink_postgres.store_closed(connection, incarnation, closed, known)
    spend_logs.insert(connection, [spend_logs.row_of(incarnation, record) for record in closed])
    groups = grouping.grouped(closed)
    _add_spend(connection, closed)
    _add_totals(connection, groups)
    return rollup_fill.add(connection, groups, known)


def _store_storable(
    connection: sa.Connection, incarnation: str, closed: Sequence[Closed]
) -> list[tuple[Closed, Exception]]:
    """Store all that can be stored; the others are returned, each with the reason. Halves, since hardly ever there are two."""
    try:
        with connection.begin_nested():
            _store_closed(connection, incarnation, closed, {})
    except _VALUE_FAILURES as error:
        if not _is_of_a_value(error):
            raise
        if len(closed) == 1:
            return [(closed[0], error)]
        half = len(closed) // 2
        first = _store_storable(connection, incarnation, closed[:half])
        return first + _store_storable(connection, incarnation, closed[half:])
    return []


def _is_of_a_value(error: Exception) -> bool:
    """Whether the database is sound and only cannot hold what it was given."""
    if not isinstance(error, DatabaseError) or isinstance(error, sa.exc.DataError):
        return True
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    return state.startswith(_STATES)


def _damage(batch: Batch, record: Closed, error: Exception) -> Damage:
    """The record as a whole: its segment is removed. Records contain no prompts, answers or keys."""
    payload = base64.b64encode(encoder.encode(record)).decode()
    reason = f"record {record.n} cannot be stored ({type(error).__name__}): {payload}"
    return Damage(batch.position.segment, batch.position.offset, 0, reason)


def _store_rest(connection: sa.Connection, batch: Batch, node: str) -> None:
    """What is open now, damage, and how far the journal is read."""
    if connection.dialect.name == "postgresql":
        sink_postgres.store_rest(connection, batch, node)
        return
    _close_and_open(connection, batch)
    _add_damage(connection, batch)
    _set_position(connection, batch, node)


def _add_spend(connection: sa.Connection, closed: Sequence[Closed]) -> None:
    if sums := spends_of(closed):
        rows = [(scope, float(start), amount) for scope, start, amount in sums]
        connection.exec_driver_sql(_SPEND, sorted(rows))


def _add_totals(connection: sa.Connection, groups: Groups) -> None:
    if groups:
        connection.exec_driver_sql(_TOTALS, [tuple(each) for each in owners.sums(grouping.owned(groups))])


def _close_and_open(connection: sa.Connection, batch: Batch) -> None:
    opening = [
        {"incarnation": batch.incarnation, "number": record.n, "record": encoder.encode(record)}
        for record in batch.opening
    ]
    if opening:
        connection.execute(sa.insert(OPEN_RECORDS), opening)
    closing = batch.closing_earlier
    for start in range(0, len(closing), _DELETE_CHUNK):
        chunk = closing[start : start + _DELETE_CHUNK]
        mine = OPEN_RECORDS.c.incarnation == batch.incarnation
        connection.execute(sa.delete(OPEN_RECORDS).where(mine, OPEN_RECORDS.c.number.in_(chunk)))


def _add_damage(connection: sa.Connection, batch: Batch) -> None:
    found_at = time.time()
    rows = [{"found_at": found_at, "incarnation": batch.incarnation, **damage._asdict()} for damage in batch.damage]
    if rows:
        connection.execute(sa.insert(JOURNAL_DAMAGE), rows)


def _set_position(connection: sa.Connection, batch: Batch, node: str) -> None:
    values = batch.position._asdict() | {"node": node}
    statement = insert_or(connection, JOURNAL_POSITIONS).values(incarnation=batch.incarnation, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["incarnation"], set_=values))
