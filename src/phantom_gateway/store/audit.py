"""The audit log: appended to in the transaction of the change it records, read by page and by stream.

Blocking rule: change and record are committed together or not at all. ``append`` locks the one row of ``audit_head`` until
the transaction ends, so writers (threads, nodes) stand in line and the chain never forks. Append last: what follows in the
transaction makes everybody else wait.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from phantom_gateway.security.audit_chain import Head, Reason, Record, Verifier, canonical, hash_of
from phantom_gateway.security.audit_events import ActorKind, EventCode, Result
from phantom_gateway.store.database import Database
from phantom_gateway.store.matching import contains
from phantom_gateway.store.tables import AUDIT_HEAD, AUDIT_LOG

JsonObject = Mapping[str, Any]

BATCH = 5000
_COLUMNS = tuple(AUDIT_LOG.c[name] for name in Record.__struct_fields__)
_HASH = AUDIT_LOG.c.hash


class AuditError(Exception):
    """The log cannot be appended to: its head is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEvent:
    """Something that happened, as it is recorded. ``before`` and ``after`` hold no secrets: see ``control.audit``."""

    code: EventCode
    object_id: str
    actor: str
    actor_kind: ActorKind
    key_id: str = ""
    changed_by: str = ""
    """Empty: the actor."""
    before: JsonObject | None = None
    after: JsonObject | None = None
    result: Result = Result.SUCCESS
    team_id: str = ""
    tenant: str = ""
    request_id: str = ""
    node: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """A record with its hash."""

    record: Record
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """What to read; ``None`` does not filter. Times in Unix microseconds, ``until`` excluded."""

    changed_by: str | None = None
    key_id: str | None = None
    action: str | None = None
    table_name: str | None = None
    object_id: str | None = None
    team_id: str | None = None
    since: int | None = None
    until: int | None = None
    search: str | None = None
    """Part of an object's id, of who did it, or of an event's code; ``%`` and ``_`` stand for themselves."""


SORTABLE = {
    "updated_at": AUDIT_LOG.c.seq,
    "changed_by": AUDIT_LOG.c.changed_by,
    "action": AUDIT_LOG.c.action,
    "table_name": AUDIT_LOG.c.table_name,
    "object_id": AUDIT_LOG.c.object_id,
}


def append(connection: sa.Connection, event: AuditEvent, clock: Callable[[], int] = time.time_ns) -> int:
    """Record ``event`` in the caller's transaction and return its number. ``clock`` gives Unix nanoseconds.

    Raises AuditError when the head of the log is missing, TypeError or ValueError when a value is not JSON.
    """
    locked = sa.select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash).where(AUDIT_HEAD.c.id == 1).with_for_update()
    head = connection.execute(locked).first()
    if head is None:
        raise AuditError("the head of the audit log is missing: the database was tampered with or is damaged")
    record = Record(
        action=event.code.action.value,
        actor=_text(event.actor),
        actor_kind=event.actor_kind.value,
        after=_json(event.after),
        before=_json(event.before),
        changed_by=_text(event.changed_by or event.actor),
        event=event.code.code,
        key_id=_text(event.key_id),
        node=_text(event.node),
        object_id=_text(event.object_id),
        prev=head.hash,
        request_id=_text(event.request_id),
        result=event.result.value,
        seq=head.seq + 1,
        table_name=event.code.table.value,
        team_id=_text(event.team_id),
        tenant=_text(event.tenant),
        ts=clock() // 1000,  # asked under the lock: times grow with numbers
    )
    digest = hash_of(record)
    values = {name: getattr(record, name) for name in Record.__struct_fields__}
    connection.execute(sa.insert(AUDIT_LOG).values(values | {"hash": digest}))
    connection.execute(sa.update(AUDIT_HEAD).where(AUDIT_HEAD.c.id == 1).values(seq=record.seq, hash=digest))
    return record.seq


def head_of(connection: sa.Connection) -> Head:
    """How far the log reaches. Raises AuditError."""
    row = connection.execute(sa.select(AUDIT_HEAD.c.seq, AUDIT_HEAD.c.hash).where(AUDIT_HEAD.c.id == 1)).first()
    if row is None:
        raise AuditError("the head of the audit log is missing: the database was tampered with or is damaged")
    return Head(row.seq, row.hash)


def get(connection: sa.Connection, seq: int) -> Stored | None:
    """One record."""
    row = connection.execute(sa.select(*_COLUMNS, _HASH).where(AUDIT_LOG.c.seq == seq)).first()
    return None if row is None else _stored(row)


def count(connection: sa.Connection, wanted: AuditFilter) -> int:
    """How many records match."""
    query = sa.select(sa.func.count()).select_from(AUDIT_LOG).where(*_conditions(wanted))
    return connection.execute(query).scalar_one()


def page(
    connection: sa.Connection, wanted: AuditFilter, order: tuple[str, bool], window: tuple[int, int]
) -> list[Stored]:
    """Matching records: ``order`` is (name in SORTABLE, descending), ``window`` is (offset, limit)."""
    name, descending = order
    columns = (SORTABLE[name], AUDIT_LOG.c.seq)
    by = [column.desc() if descending else column.asc() for column in columns]
    offset, limit = window
    # The numbers first: an index answers that, and the records of all pages before need not be read.
    query = sa.select(AUDIT_LOG.c.seq).where(*_conditions(wanted)).order_by(*by).offset(offset).limit(limit)
    numbers = connection.execute(query).scalars().all()
    rows = connection.execute(sa.select(*_COLUMNS, _HASH).where(AUDIT_LOG.c.seq.in_(numbers)))
    found = {row.seq: _stored(row) for row in rows}
    return [found[number] for number in numbers]


def listed(
    connection: sa.Connection, wanted: AuditFilter, order: tuple[str, bool], window: tuple[int, int]
) -> tuple[int, list[Stored]]:
    """How many records match, and those of a page; the last page says by itself how many there are."""
    rows = page(connection, wanted, order, window)
    offset, limit = window
    if len(rows) < limit and (rows or not offset):
        return offset + len(rows), rows
    return count(connection, wanted), rows


def stream(database: Database, wanted: AuditFilter, after: int = 0) -> Iterator[Stored]:
    """Matching records with a number above ``after``, in order, in batches: neither memory nor a transaction grows with the log."""
    while True:
        with database.read() as connection:
            rows = connection.execute(
                sa.select(*_COLUMNS, _HASH)
                .where(AUDIT_LOG.c.seq > after, *_conditions(wanted))
                .order_by(AUDIT_LOG.c.seq)
                .limit(BATCH)
            ).all()
        yield from map(_stored, rows)
        if len(rows) < BATCH:
            return
        after = rows[-1].seq


def verify(database: Database, remembered: Head | None) -> Verifier:
    """Check the whole chain, its end against the head and ``remembered`` (what the data directory knows), if there is one.

    Works beside a running gateway. Raises AuditError, DatabaseError.
    """
    verifier = Verifier({remembered.seq: remembered.hash} if remembered else {})
    head = Head()
    while _take(database, verifier):
        with database.read() as connection:
            head = head_of(connection)
        # Records that came in while this read are taken, too; a head that runs ahead of all records is a cut tail.
        if head.seq <= verifier.head.seq or not _has_after(database, verifier.head.seq):
            break
    if verifier.fault is None and head.seq < verifier.head.seq:
        verifier.refuse(head.seq + 1, Reason.LINK, f"the head of the log stands at {head.seq}, before this record")
    verifier.finish(head, "the head of the log")
    verifier.finish(remembered, "the data directory")
    return verifier


def _take(database: Database, verifier: Verifier) -> bool:
    after = verifier.head.seq
    while True:
        with database.read() as connection:
            query = sa.select(*_COLUMNS, _HASH).order_by(AUDIT_LOG.c.seq).limit(BATCH)
            # From the very first: what stands before record 1 was not written by us.
            rows = connection.execute(query.where(AUDIT_LOG.c.seq > after) if after else query).all()
        for row in rows:
            if not verifier.take(_record(row), row[-1]):
                return False
        if len(rows) < BATCH:
            return True
        after = verifier.head.seq


def _has_after(database: Database, seq: int) -> bool:
    with database.read() as connection:
        return connection.execute(sa.select(AUDIT_LOG.c.seq).where(AUDIT_LOG.c.seq > seq).limit(1)).first() is not None


def _conditions(wanted: AuditFilter) -> list[sa.ColumnElement[bool]]:
    exact = {
        "changed_by": wanted.changed_by,
        "key_id": wanted.key_id,
        "action": wanted.action,
        "table_name": wanted.table_name,
        "object_id": wanted.object_id,
        "team_id": wanted.team_id,
    }
    found = [AUDIT_LOG.c[name] == value for name, value in exact.items() if value is not None]
    if wanted.since is not None:
        found.append(AUDIT_LOG.c.ts >= wanted.since)
    if wanted.until is not None:
        found.append(AUDIT_LOG.c.ts < wanted.until)
    if wanted.search is not None:
        found.append(_named(wanted.search))
    return found


def _named(text: str) -> sa.ColumnElement[bool]:
    """Whether an object, who did it or an event is named so; of each row no more texts are searched than can be another."""
    column = AUDIT_LOG.c
    any_of = [contains(column.object_id, text), contains(column.changed_by, text)]
    any_of.append(sa.and_(column.actor != column.changed_by, contains(column.actor, text)))
    codes = [each.code for each in EventCode if text.lower() in each.code]
    return sa.or_(*any_of, *([column.event.in_(codes)] if codes else []))


def _record(row: Any) -> Record:
    (action, actor, actor_kind, after, before, changed_by, event, key_id, node, object_id, prev, request_id, result, seq,
     table_name, team_id, tenant, ts, _) = row  # fmt: skip
    return Record(
        action=action, actor=actor, actor_kind=actor_kind, after=after, before=before, changed_by=changed_by, event=event,
        key_id=key_id, node=node, object_id=object_id, prev=prev, request_id=request_id, result=result, seq=seq,
        table_name=table_name, team_id=team_id, tenant=tenant, ts=ts,
    )  # fmt: skip


def _stored(row: Any) -> Stored:
    return Stored(_record(row), row[-1])


def _json(value: JsonObject | None) -> str | None:
    return None if value is None else _text(canonical(value))


def _text(text: str) -> str:
    # Databases take neither lone surrogates nor (PostgreSQL) NUL; a record is not the place to refuse a change for them.
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
