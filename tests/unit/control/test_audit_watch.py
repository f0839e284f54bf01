from __future__ import annotations

import logging

import pytest
import sqlalchemy as sa
from tests.unit.control.rig import Rig

from phantom_gateway.control.audit_watch import AuditWatch
from phantom_gateway.security import audit_memory
from phantom_gateway.security.audit_chain import GENESIS
from phantom_gateway.store import audit
from phantom_gateway.store.tables import AUDIT_HEAD, AUDIT_LOG


def change(control: Rig, *statements: sa.Update | sa.Delete) -> None:
    with control.services.database.database.write() as connection:
        for statement in statements:
            connection.execute(statement)


async def test_the_end_of_the_log_is_remembered_at_the_latest_at_the_end(control: Rig) -> None:
    watch = AuditWatch(control.services.database, control.path)
    watch.start()
    await control.generate()
    await watch.stop()
    with control.services.database.database.read() as connection:
        assert audit_memory.read(control.path) == audit.head_of(connection)
    assert watch.problem == ""


async def test_a_shortened_log_is_reported_once_and_not_believed(
    control: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    watch = AuditWatch(control.services.database, control.path)
    await control.generate()
    await watch.look()
    remembered = audit_memory.read(control.path)
    change(control, sa.delete(AUDIT_LOG), sa.update(AUDIT_HEAD).values(seq=0, hash=GENESIS))
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            await watch.look()
    assert "was there and is not any more" in watch.problem
    assert len(caplog.records) == 1
    for _ in range(3):
        await control.generate()
    await watch.look()
    assert "is not the one that was there" in watch.problem
    assert audit_memory.read(control.path) == remembered
    found = audit.verify(control.services.database.database, remembered).fault
    assert found is not None


async def test_a_damaged_memory_is_a_problem(control: Rig) -> None:
    (control.path / audit_memory.NAME).write_bytes(b"{")
    watch = AuditWatch(control.services.database, control.path)
    await watch.look()
    assert "damaged" in watch.problem
    (control.path / audit_memory.NAME).unlink()
    await watch.look()
    assert watch.problem == ""
    assert audit_memory.read(control.path) is not None


async def test_a_disk_that_takes_nothing_stops_nothing(control: Rig, caplog: pytest.LogCaptureFixture) -> None:
    watch = AuditWatch(control.services.database, control.path / "later")
    for _ in range(3):
        await watch.look()
    assert (watch.problem, len(caplog.records)) == ("", 1)
    (control.path / "later").mkdir()
    await watch.look()
    assert audit_memory.read(control.path / "later") is not None
