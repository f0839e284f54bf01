from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from phantom_gateway.cli.audit import app, verify, verify_export
from phantom_gateway.security import audit_memory
from phantom_gateway.security.audit_chain import Head, Reason
from phantom_gateway.security.audit_events import ActorKind, EventCode, Result
from phantom_gateway.store import audit, schema
from phantom_gateway.store.audit import AuditError, AuditEvent
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.tables import AUDIT_LOG

EVENT = AuditEvent(code=EventCode.KEY_CREATED, object_id="k1", actor="ada", actor_kind=ActorKind.MASTER)


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    """Five records: three about a key, one of a team, one failed login."""
    directory = tmp_path / "data"
    database = open_sqlite(directory / "phantom.db")
    schema.migrate(database)
    with database.write() as connection:
        for day, event in enumerate(
            (
                EVENT,
                replace(EVENT, code=EventCode.KEY_UPDATED, before={"a": 1}, after={"a": 2}),
                replace(EVENT, code=EventCode.TEAM_CREATED, object_id="t1\x1b[31m"),
                replace(EVENT, code=EventCode.LOGIN_FAILED, result=Result.FAILURE),
                replace(EVENT, code=EventCode.KEY_DELETED, changed_by="grace"),
            ),
            1,
        ):
            audit.append(connection, event, clock=lambda at=day: at * 86_400_000_000_000)  # type: ignore[misc]
    database.close()
    return directory


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def damage(data_dir: Path, statement: sa.Update | sa.Delete) -> None:
    database = open_sqlite(data_dir / "phantom.db")
    with database.write() as connection:
        connection.execute(statement)
    database.close()


def test_a_sound_log(data_dir: Path) -> None:
    code, output = run("verify", "--data-dir", str(data_dir))
    assert code == 0
    assert "5 records hold" in output
    assert "The audit log is sound." in output


def test_the_first_bad_record_is_named(data_dir: Path) -> None:
    damage(data_dir, sa.update(AUDIT_LOG).where(AUDIT_LOG.c.seq.in_((3, 4))).values(actor="eve"))
    code, output = run("verify", "--data-dir", str(data_dir))
    assert code == 1
    assert "FAULT   record 3: payload changed" in output
    code, output = run("verify", "--data-dir", str(data_dir), "--json")
    found = json.loads(output)
    assert (code, found["ok"], found["first_bad_seq"], found["reason"]) == (1, False, 3, "payload changed")


def test_a_cut_tail_is_noticed_by_what_the_directory_remembers(data_dir: Path) -> None:
    audit_memory.write(data_dir, Head(9, "a" * 64))
    code, output = run("verify", "--data-dir", str(data_dir))
    assert code == 1
    assert "record 6: tail truncated: the log ends at 5, the data directory knows of 9" in output


def test_a_clock_that_went_back_is_a_warning(data_dir: Path) -> None:
    database = open_sqlite(data_dir / "phantom.db")
    with database.write() as connection:
        audit.append(connection, EVENT, clock=lambda: 86_400_000_000_000)
    database.close()
    code, output = run("verify", "--data-dir", str(data_dir))
    assert code == 0
    assert "WARNING the clock went back 1 times, first at record 6" in output


def test_nothing_to_verify_is_said(tmp_path: Path, data_dir: Path) -> None:
    for command in ("verify", "tail", "export"):
        code, output = run(command, "--data-dir", str(tmp_path / "none"))
        assert code == 1
        assert "no such database" in output
    (data_dir / audit_memory.NAME).write_bytes(b"x")
    code, output = run("verify", "--data-dir", str(data_dir))
    assert code == 1
    assert "audit.head is damaged" in output
    with pytest.raises(AuditError):
        verify(tmp_path)


def test_verifying_changes_nothing(data_dir: Path) -> None:
    before = {path.name: path.read_bytes() for path in data_dir.iterdir()}
    verify(data_dir)
    assert {path.name: path.read_bytes() for path in data_dir.iterdir() if path.name in before} == before


def test_the_tail_shows_the_last_and_obeys_nobody(data_dir: Path) -> None:
    code, output = run("tail", "--data-dir", str(data_dir), "-n", "3")
    assert code == 0
    assert output.splitlines() == [
        "3 1970-01-04 00:00:00 team.created t1?[31m by ada",
        "4 1970-01-05 00:00:00 login.failed (failure) k1 by ada",
        "5 1970-01-06 00:00:00 key.deleted k1 by ada for grace",
    ]
    code, output = run("tail", "--data-dir", str(data_dir), "--event", "key.")
    assert len(output.splitlines()) == 3


def test_an_export_can_be_verified_with_a_hash_function_alone(data_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "audit.jsonl"
    code, output = run("export", "--data-dir", str(data_dir), "--output", str(target))
    assert (code, output) == (0, "5 records\n")
    previous = "0" * 64
    for line in target.read_bytes().splitlines():
        digest, record = json.loads(line)["hash"], line[len(b'{"hash":"') + 64 + len(b'","record":') : -1]
        assert hashlib.sha256(record).hexdigest() == digest
        assert json.loads(record)["prev"] == previous
        previous = digest
    verifier = verify_export(target)
    assert (verifier.fault, verifier.records) == (None, 5)
    assert run("verify", "--file", str(target))[0] == 0
    assert run("export", "--data-dir", str(data_dir), "--output", str(target))[0] == 1


def test_a_part_of_the_log_is_exported_by_time(data_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "part.jsonl"
    arguments = ("--since", "1970-01-03", "--until", "1970-01-05T00:00:00", "--output", str(target))
    assert run("export", "--data-dir", str(data_dir), *arguments)[0] == 0
    verifier = verify_export(target)
    assert (verifier.fault, verifier.records, verifier.head.seq) == (None, 2, 3)
    code, output = run("export", "--data-dir", str(data_dir), "--since", "yesterday")
    assert code == 1
    assert "yesterday: must be a date" in output


def test_a_damaged_export_is_noticed(data_dir: Path, tmp_path: Path) -> None:
    target = tmp_path / "audit.jsonl"
    run("export", "--data-dir", str(data_dir), "--output", str(target))
    lines = target.read_bytes().splitlines(keepends=True)
    for damaged, expected in (
        ([lines[0], lines[1].replace(b"ada", b"eve"), *lines[2:]], (2, Reason.CHANGED)),
        ([lines[0], *lines[2:]], (2, Reason.MISSING)),
        ([lines[0], lines[2], lines[1]], (2, Reason.MISSING)),
        ([lines[0], lines[1], lines[0]], (1, Reason.ORDER)),
        ([lines[0].replace(b'"seq":1', b'"seq": 1')], (1, Reason.CHANGED)),
    ):
        target.write_bytes(b"".join(damaged))
        fault = verify_export(target).fault
        assert fault is not None
        assert (fault.seq, fault.reason) == expected
    target.write_bytes(b"{}\n")
    code, output = run("verify", "--file", str(target))
    assert code == 1
    assert "not a line of an export" in output
