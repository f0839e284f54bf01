from __future__ import annotations

import threading
from dataclasses import replace

import msgspec
import pytest
import sqlalchemy as sa

from phantom_gateway.security.audit_chain import GENESIS, Head, Reason, hash_of
from phantom_gateway.security.audit_events import ActorKind, EventCode
from phantom_gateway.store import audit
from phantom_gateway.store.audit import AuditError, AuditEvent, AuditFilter
from phantom_gateway.store.database import Database
from phantom_gateway.store.tables import AUDIT_HEAD, AUDIT_LOG, FACTS

EVENT = AuditEvent(code=EventCode.KEY_CREATED, object_id="k1", actor="ada", actor_kind=ActorKind.MASTER, key_id="m")


def fill(database: Database, count: int) -> None:
    with database.write() as connection:
        for number in range(count):
            audit.append(connection, replace(EVENT, object_id=f"k{number}"))


def change(database: Database, statement: sa.Update | sa.Delete | sa.Insert) -> None:
    with database.write() as connection:
        connection.execute(statement)


def fault(database: Database, remembered: Head | None = None) -> tuple[int, Reason] | None:
    found = audit.verify(database, remembered).fault
    return None if found is None else (found.seq, found.reason)


def test_records_are_numbered_and_chained(database: Database) -> None:
    with database.write() as connection:
        assert [audit.append(connection, EVENT) for _ in range(3)] == [1, 2, 3]
        first, second = audit.get(connection, 1), audit.get(connection, 2)
        assert audit.get(connection, 4) is None
        assert first is not None
        assert second is not None
        assert (first.record.prev, second.record.prev) == (GENESIS, first.hash)
        assert audit.head_of(connection).seq == 3
    assert fault(database) is None


def test_change_and_record_are_committed_together_or_not_at_all(database: Database) -> None:
    def write(event: AuditEvent, error: type[Exception] | None) -> None:
        with database.write() as connection:
            connection.execute(sa.insert(FACTS).values(name="a", value="b"))
            audit.append(connection, event)
            if error is not None:
                raise error

    with pytest.raises(LookupError):
        write(EVENT, LookupError)
    with database.read() as connection:
        assert connection.execute(sa.select(FACTS)).first() is None
        assert audit.head_of(connection) == Head()
    with pytest.raises(TypeError):
        write(replace(EVENT, after={"x": object()}), None)
    with database.read() as connection:
        assert connection.execute(sa.select(FACTS)).first() is None


def test_writers_at_once_make_one_chain(database: Database) -> None:
    def write(name: str) -> None:
        for _ in range(20):
            with database.write() as connection:
                audit.append(connection, replace(EVENT, actor=name))

    threads = [threading.Thread(target=write, args=(f"t{number}",)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verifier = audit.verify(database, None)
    assert (verifier.fault, verifier.records) == (None, 120)


def test_a_log_without_its_head_takes_nothing(database: Database) -> None:
    change(database, sa.delete(AUDIT_HEAD))
    with pytest.raises(AuditError, match="missing"), database.write() as connection:
        audit.append(connection, EVENT)
    with pytest.raises(AuditError):
        audit.verify(database, None)


@pytest.mark.parametrize("column", [each.name for each in AUDIT_LOG.columns if each.name not in ("seq", "hash")])
def test_every_changed_field_shows(database: Database, column: str) -> None:
    fill(database, 4)
    value: object = 5 if column == "ts" else "x"
    change(database, sa.update(AUDIT_LOG).where(AUDIT_LOG.c.seq == 2).values({column: value}))
    assert fault(database) == (2, Reason.CHANGED)


def test_a_removed_record_shows(database: Database) -> None:
    fill(database, 5)
    change(database, sa.delete(AUDIT_LOG).where(AUDIT_LOG.c.seq.in_((2, 3))))
    verifier = audit.verify(database, None)
    assert verifier.fault is not None
    assert (verifier.fault.seq, verifier.fault.reason) == (2, Reason.MISSING)
    assert "2 to 3" in verifier.fault.detail


def test_a_removed_beginning_shows(database: Database) -> None:
    fill(database, 3)
    change(database, sa.delete(AUDIT_LOG).where(AUDIT_LOG.c.seq == 1))
    assert fault(database) == (1, Reason.MISSING)


def test_records_that_changed_places_show(database: Database) -> None:
    fill(database, 5)
    for old, new in ((2, 99), (4, 2), (99, 4)):
        change(database, sa.update(AUDIT_LOG).where(AUDIT_LOG.c.seq == old).values(seq=new))
    assert fault(database) == (2, Reason.ORDER)


def test_a_forged_record_with_the_right_hash_breaks_the_next_link(database: Database) -> None:
    fill(database, 4)
    with database.write() as connection:
        stored = audit.get(connection, 2)
        assert stored is not None
        forged = hash_of(msgspec.structs.replace(stored.record, actor="eve"))
        statement = sa.update(AUDIT_LOG).where(AUDIT_LOG.c.seq == 2).values(actor="eve", hash=forged)
        connection.execute(statement)
    assert fault(database) == (3, Reason.LINK)


def test_a_cut_tail_shows_by_the_head(database: Database) -> None:
    fill(database, 4)
    change(database, sa.delete(AUDIT_LOG).where(AUDIT_LOG.c.seq >= 3))
    assert fault(database) == (3, Reason.TRUNCATED)


def test_a_tail_cut_with_its_head_shows_by_what_is_remembered(database: Database) -> None:
    fill(database, 4)
    with database.read() as connection:
        remembered = audit.head_of(connection)
        second = audit.get(connection, 2)
    assert second is not None
    change(database, sa.delete(AUDIT_LOG).where(AUDIT_LOG.c.seq >= 3))
    change(database, sa.update(AUDIT_HEAD).values(seq=2, hash=second.hash))
    assert fault(database) is None
    assert fault(database, remembered) == (3, Reason.TRUNCATED)
    fill(database, 4)
    assert fault(database, remembered) == (4, Reason.REWRITTEN)


def test_a_record_beyond_the_head_shows(database: Database) -> None:
    fill(database, 3)
    with database.read() as connection:
        second = audit.get(connection, 2)
    assert second is not None
    change(database, sa.update(AUDIT_HEAD).values(seq=2, hash=second.hash))
    assert fault(database) == (3, Reason.LINK)
    change(database, sa.update(AUDIT_HEAD).values(seq=3, hash=second.hash))
    assert fault(database) == (3, Reason.REWRITTEN)


def test_what_stands_before_the_first_record_shows(database: Database) -> None:
    fill(database, 2)
    with database.write() as connection:
        first = audit.get(connection, 1)
        assert first is not None
        values = msgspec.structs.asdict(first.record) | {"seq": 0, "hash": first.hash}
        connection.execute(sa.insert(AUDIT_LOG).values(values))
    assert fault(database) == (0, Reason.ORDER)


def test_pages_filter_and_sort(database: Database) -> None:
    fill(database, 5)
    with database.write() as connection:
        audit.append(
            connection,
            replace(EVENT, code=EventCode.TEAM_DELETED, object_id="t_1", changed_by="grace", team_id="t_1"),
            clock=lambda: 9_000_000_000_000_000_000,
        )
        newest = audit.page(connection, AuditFilter(), ("updated_at", True), (0, 2))
        assert [stored.record.seq for stored in newest] == [6, 5]
        by_object = audit.page(connection, AuditFilter(action="created"), ("object_id", False), (1, 2))
        assert [stored.record.object_id for stored in by_object] == ["k1", "k2"]
        for wanted, number in (
            (AuditFilter(changed_by="grace"), 1),
            (AuditFilter(key_id="m"), 6),
            (AuditFilter(table_name="LiteLLM_TeamTable"), 1),
            (AuditFilter(team_id="t_1"), 1),
            (AuditFilter(object_id="k3"), 1),
            (AuditFilter(since=9_000_000_000_000_000), 1),
            (AuditFilter(until=9_000_000_000_000_000), 5),
            (AuditFilter(search="team."), 1),
            (AuditFilter(search="%"), 0),
            (AuditFilter(search="_1"), 1),
            (AuditFilter(search="' OR 1=1 --"), 0),
        ):
            assert audit.count(connection, wanted) == number, wanted


def test_a_stream_goes_over_batches(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "BATCH", 3)
    fill(database, 7)
    assert [stored.record.seq for stored in audit.stream(database, AuditFilter())] == [1, 2, 3, 4, 5, 6, 7]
    assert [stored.record.seq for stored in audit.stream(database, AuditFilter(object_id="k6"), after=2)] == [7]
    assert audit.verify(database, None).records == 7


def test_text_no_database_takes_does_not_refuse_the_change(database: Database) -> None:
    with database.write() as connection:
        audit.append(connection, replace(EVENT, object_id="a\0\ud800", after={"x": "\udfff", "y": [1.5, None]}))
    assert fault(database) is None


def test_a_clock_that_goes_back_is_counted(database: Database) -> None:
    with database.write() as connection:
        for second in (100, 50, 60):
            audit.append(connection, EVENT, clock=lambda at=second: at * 1_000_000_000)  # type: ignore[misc]
    verifier = audit.verify(database, None)
    assert (verifier.fault, verifier.clock_back, verifier.first_clock_back) == (None, 1, 2)
