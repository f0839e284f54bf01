"""The database as the journals' ingestion sees it: rows, spend and position in one transaction, hence exactly once."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

import sqlalchemy as sa

from phantom_gateway.ledger.ingest import Batch, spends_of
from phantom_gateway.ledger.record import Closed, Opened, decoder, encoder
from phantom_gateway.ledger.replay import Position
from phantom_gateway.store import owners, rollup_fill, sink_postgres, spend_logs
from phantom_gateway.store.database import Database
from phantom_gateway.store.spend import insert_or
from phantom_gateway.store.tables import JOURNAL_DAMAGE, JOURNAL_POSITIONS, OPEN_RECORDS, SPEND, TOTALS

log = logging.getLogger(__name__)

_DELETE_CHUNK = 500


class DatabaseSink:
    """Implements ``ledger.ingest.Sink``. Every method may raise DatabaseError."""

    def __init__(self, database: Database, node: str = "") -> None:
        self._database = database
        self._node = node
        """Whose journals these are, where several nodes share the database."""

    def positions(self) -> Mapping[str, Position]:
        """How far each journal is stored."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(JOURNAL_POSITIONS))
            return {row.incarnation: Position(row.n, row.segment, row.offset) for row in rows}

    def apply(self, batch: Batch) -> None:
        """Store a batch with everything that follows from it, or nothing of it."""
        for damage in batch.damage:
            log.error("the journal of %s is damaged: %s", batch.incarnation, damage)
        closed = batch.closed
        with self._database.append() as connection:
            if connection.dialect.name == "postgresql":
                sink_postgres.store(connection, batch, self._node)
                return
            row_of, incarnation = spend_logs.row_of, batch.incarnation
            spend_logs.insert(connection, [row_of(incarnation, record) for record in closed])
            _add_spend(connection, closed)
            _add_totals(connection, closed)
            rollup_fill.add(connection, closed)
            _close_and_open(connection, batch)
            _add_damage(connection, batch)
            _set_position(connection, batch, self._node)

    def all_open(self) -> list[tuple[str, Opened]]:
        """What all incarnations of this node have opened and not closed."""
        query = sa.select(OPEN_RECORDS.c.incarnation, OPEN_RECORDS.c.record)
        if self._database.shared:
            mine = sa.select(JOURNAL_POSITIONS.c.incarnation).where(JOURNAL_POSITIONS.c.node == self._node)
            query = query.where(OPEN_RECORDS.c.incarnation.in_(mine))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        decoded = [(incarnation, decoder.decode(payload)) for incarnation, payload in rows]
        return [(incarnation, record) for incarnation, record in decoded if isinstance(record, Opened)]

    def open_records(self, incarnation: str) -> Sequence[Opened]:
        """What ``incarnation`` has opened and not closed, in order."""
        query = (
            sa.select(OPEN_RECORDS.c.record)
            .where(OPEN_RECORDS.c.incarnation == incarnation)
            .order_by(OPEN_RECORDS.c.number)
        )
        with self._database.read() as connection:
            records = [decoder.decode(payload) for payload in connection.execute(query).scalars()]
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


def _add_spend(connection: sa.Connection, closed: Sequence[Closed]) -> None:
    sums = spends_of(closed)
    if not sums:
        return
    statement = insert_or(connection, SPEND)
    statement = statement.on_conflict_do_update(
        index_elements=["scope", "window_start"],
        set_={"amount_nano": SPEND.c.amount_nano + statement.excluded.amount_nano},
    )
    rows = [{"scope": scope, "window_start": float(start), "amount_nano": amount} for scope, start, amount in sums]
    connection.execute(statement, rows)


def _add_totals(connection: sa.Connection, closed: Sequence[Closed]) -> None:
    if not closed:
        return
    statement = insert_or(connection, TOTALS)
    new = statement.excluded
    statement = statement.on_conflict_do_update(
        index_elements=["entity"],
        set_={
            "amount_nano": TOTALS.c.amount_nano + new.amount_nano,
            "requests": TOTALS.c.requests + new.requests,
            "last_active": sa.case(
                (new.last_active > TOTALS.c.last_active, new.last_active), else_=TOTALS.c.last_active
            ),
        },
    )
    names = ("entity", "amount_nano", "requests", "last_active")
    connection.execute(statement, [dict(zip(names, each, strict=True)) for each in owners.sums(closed)])


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
