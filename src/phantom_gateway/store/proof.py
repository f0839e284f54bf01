"""Proving the ledger: journals against rows, rows against totals, everything against common sense.

Works beside a running gateway: the database is read in one transaction, and of the journals only what lies at or before
the position stored in that transaction has to be in it. A journal that disappears meanwhile was complete.
"""

from __future__ import annotations

import fcntl
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from phantom_gateway.ledger.frames import LOCK_NAME
from phantom_gateway.ledger.record import Closed, Record
from phantom_gateway.ledger.replay import Damage, Position, Reader
from phantom_gateway.store import retention, rollup_check, total_sums
from phantom_gateway.store.corrections import INCARNATION
from phantom_gateway.store.database import Database
from phantom_gateway.store.dimensions import CORRECTION
from phantom_gateway.store.tables import JOURNAL_DAMAGE, JOURNAL_POSITIONS, OPEN_RECORDS, REQUESTS, SPEND, TOTALS

_CHUNK = 500
MAX_DETAILS = 20
"""Per check; the count is always complete."""


@dataclass(slots=True)
class Check:
    """One statement about the ledger and what speaks against it."""

    name: str
    claim: str
    examined: int = 0
    faults: int = 0
    details: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against it."""
        return self.faults == 0

    def fault(self, detail: str) -> None:
        """Something speaks against it."""
        self.faults += 1
        if len(self.details) < MAX_DETAILS:
            self.details.append(detail)


def prove(database: Database, journals: Path) -> list[Check]:
    """All checks. Raises DatabaseError when the database cannot be read."""
    with database.read() as connection:
        records, damage = _journals(connection, journals)
        sums = (_totals(connection), _rollups(connection), _budgets(connection), _signs(connection))
        return [_integrity(connection), records, damage, *sums]


def _integrity(connection: sa.Connection) -> Check:
    check = Check("database", "the database file is sound")
    if connection.dialect.name == "sqlite":
        for answer in connection.exec_driver_sql("PRAGMA quick_check").scalars():
            check.examined += 1
            if answer != "ok":
                check.fault(str(answer))
    return check


def _journals(connection: sa.Connection, root: Path) -> tuple[Check, Check]:
    records = Check("journal", "every journal record up to the stored position is in the database exactly once")
    damage = Check("damage", "no journal is damaged")
    for row in connection.execute(sa.select(JOURNAL_DAMAGE).order_by(JOURNAL_DAMAGE.c.row_id)):
        _report(damage, row.incarnation, Damage(row.segment, row.offset, row.length, row.reason))
    known = {
        row.incarnation: Position(row.n, row.segment, row.offset)
        for row in connection.execute(sa.select(JOURNAL_POSITIONS))
    }
    directories = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    for directory in directories:
        position = known.get(directory.name, Position())
        _journal(connection, directory, position, (records, damage))
    return records, damage


def _journal(connection: sa.Connection, directory: Path, position: Position, checks: tuple[Check, Check]) -> None:
    records_check, damage_check = checks
    kept_since = retention.removed_before(connection)
    reader = Reader(directory)
    open_numbers: set[int] = set()
    dead = _writer_is_dead(directory)
    while records := reader.read(final=dead):
        damage_check.examined += len(records)
        stored = [record for record in records if record.n <= position.n and record.at_ns // 1000 >= kept_since]
        _compare(connection, directory.name, stored, records_check)
        for record in stored:
            if isinstance(record, Closed):
                open_numbers.discard(record.opened)
            else:
                open_numbers.add(record.n)
    missing = open_numbers - _open(connection, directory.name) - _recovered(connection, directory.name)
    for number in sorted(missing):
        records_check.fault(f"{directory.name}: request opened by record {number} is neither open nor closed")
    for damage in reader.damage:
        if (damage.segment, damage.offset) >= (position.segment, position.offset):
            _report(damage_check, directory.name, damage)  # what lies before was reported when it was ingested


def _writer_is_dead(directory: Path) -> bool:
    """Whether the end of the journal is the end. The lock is looked at, not kept."""
    try:
        with (directory / LOCK_NAME).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:
        return True
    return True


def _compare(connection: sa.Connection, incarnation: str, records: Sequence[Record], check: Check) -> None:
    closed = {record.n: record for record in records if isinstance(record, Closed)}
    numbers = list(closed)
    for start in range(0, len(numbers), _CHUNK):
        chunk = numbers[start : start + _CHUNK]
        mine = (REQUESTS.c.incarnation == incarnation, REQUESTS.c.number.in_(chunk))
        rows = connection.execute(
            sa.select(REQUESTS.c.number, REQUESTS.c.cost_nano, REQUESTS.c.key_id).where(*mine)
        ).all()
        found = {number: (cost, key_id) for number, cost, key_id in rows}
        if len(found) != len(rows):
            check.fault(f"{incarnation}: records {chunk[0]} to {chunk[-1]} have {len(rows) - len(found)} rows too many")
        for number in chunk:
            check.examined += 1
            record = closed[number]
            if number not in found:
                check.fault(f"{incarnation}: record {number} is not in the database")
            elif found[number] != (record.cost.total, record.key_id):
                check.fault(f"{incarnation}: record {number} has another cost or key in the database")


def _open(connection: sa.Connection, incarnation: str) -> set[int]:
    query = sa.select(OPEN_RECORDS.c.number).where(OPEN_RECORDS.c.incarnation == incarnation)
    return set(connection.execute(query).scalars())


def _recovered(connection: sa.Connection, incarnation: str) -> set[int]:
    query = sa.select(REQUESTS.c.number).where(REQUESTS.c.incarnation == incarnation, REQUESTS.c.number < 0)
    return {-number for number in connection.execute(query).scalars()}


def _report(check: Check, incarnation: str, damage: Damage) -> None:
    where = f"{incarnation} segment {damage.segment} offset {damage.offset}"
    check.fault(f"{where}: {damage.length} bytes {damage.reason}")


def _totals(connection: sa.Connection) -> Check:
    check = Check("totals", "the rows of each entity (key, user, team, customer, tag, ...) add up to its total")
    rows, removed = total_sums.of_rows(connection), retention.removed(connection)
    kept = {row.entity: (row.amount_nano, row.requests) for row in connection.execute(sa.select(TOTALS))}
    gone = {entity for entity in removed if not entity.startswith((retention.EVERYTHING, retention.TAKEN_BACK))}
    for entity in sorted(rows.keys() | kept.keys() | gone):
        check.examined += 1
        found = rows.get(entity, total_sums.NOTHING).plus(removed.get(entity, total_sums.NOTHING))
        summed, total = (found.amount, found.requests), kept.get(entity, (0, 0))
        if summed != total:
            check.fault(
                f"{entity}: rows say {summed[0]} nano-dollars in {summed[1]}, the total says {total[0]} in {total[1]}"
            )
    return check


def _rollups(connection: sa.Connection) -> Check:
    check = Check("rollups", "the sums that dashboards show are the sums of the rows")
    for examined, fault in rollup_check.differences(connection):
        check.examined += examined
        if fault:
            check.fault(fault)
    return check


_CONFIGURED = ("gateway", "master_key", "provider", "deployment", "access_group")
"""Kinds of entities without a total. A failed attempt is billed to the deployment that failed, too, so all rows are their bound."""


def _budgets(connection: sa.Connection) -> Check:
    """No window of a budget can hold more than its entity has ever cost; what was taken back later may still be in it."""
    check = Check("budgets", "no budget window holds more than its entity has cost")
    totals = {row.entity: row.amount_nano for row in connection.execute(sa.select(TOTALS))}
    taken_back = (REQUESTS.c.incarnation == INCARNATION, REQUESTS.c.cost_nano < 0)
    for entity, found in total_sums.of_rows(connection, *taken_back).items():
        totals[entity] = totals.get(entity, 0) - found.amount
    removed = retention.removed(connection)
    for entity, found in removed.items():
        if entity.startswith(retention.TAKEN_BACK):
            of = entity.removeprefix(retention.TAKEN_BACK)
            totals[of] = totals.get(of, 0) - found.amount
    everything = sa.func.coalesce(sa.func.sum(REQUESTS.c.cost_nano), 0)
    whole = int(connection.execute(sa.select(everything).where(sa.not_(sa.and_(*taken_back)))).scalar_one())
    whole += removed.get(retention.EVERYTHING, total_sums.NOTHING).amount
    whole -= removed.get(retention.TAKEN_BACK + retention.EVERYTHING, total_sums.NOTHING).amount
    for row in connection.execute(sa.select(SPEND).where(SPEND.c.scope.startswith("budget:"))):
        check.examined += 1
        entity = row.scope.removeprefix("budget:").rpartition(":")[0]
        configured = entity.partition(":")[0] in _CONFIGURED
        cost = whole if configured else totals.get(entity.partition("/model:")[0], 0)
        if row.amount_nano > cost:
            check.fault(
                f"{row.scope} from {row.window_start}: {row.amount_nano} nano-dollars, {entity} has cost {cost}"
            )
    return check


def _signs(connection: sa.Connection) -> Check:
    check = Check("signs", "no amount and no count is negative")
    counts = (
        "cost_nano",
        "input",
        "cache_read",
        "cache_write_5m",
        "cache_write_1h",
        "output",
        "reasoning",
        "audio_input",
    )
    negative = sa.and_(REQUESTS.c.call_type != CORRECTION, sa.or_(*(REQUESTS.c[name] < 0 for name in counts)))
    for row in connection.execute(sa.select(REQUESTS.c.row_id, REQUESTS.c.request_id).where(negative)):
        check.fault(f"request row {row.row_id}")
    for table, name in ((SPEND, "scope"), (TOTALS, "entity")):
        for label in connection.execute(sa.select(table.c[name]).where(table.c.amount_nano < 0)).scalars():
            check.fault(f"{table.name}: {label}")
    check.examined = connection.execute(sa.select(sa.func.count()).select_from(REQUESTS)).scalar_one()
    return check
