from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
import typer
from tests.support.servers import PostgresServer
from tests.unit.store.samples import closed
from typer.testing import CliRunner

from phantom_gateway.cli.verify import VerifyError, render, verify, verify_command
from phantom_gateway.ledger.ingest import Batch
from phantom_gateway.ledger.replay import Position
from phantom_gateway.store import schema
from phantom_gateway.store.database import open_sqlite
from phantom_gateway.store.sink import DatabaseSink
from phantom_gateway.store.tables import AUDIT_HEAD, TOTALS


def ledger(path: Path, *, total: int | None = None) -> None:
    """A data directory with one row; ``total`` falsifies the key's total."""
    database = open_sqlite(path / "phantom.db")
    schema.migrate(database)
    DatabaseSink(database).apply(Batch(incarnation="w", records=(closed(1, cost=5),), position=Position(1, 1, 9)))
    if total is not None:
        with database.write() as connection:
            connection.execute(sa.update(TOTALS).values(amount_nano=total))
    database.close()


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    command: Callable[..., None] = verify_command
    app.command()(command)
    result = CliRunner().invoke(app, list(arguments))
    return result.exit_code, result.output


def test_a_sound_ledger_is_said_to_hold(tmp_path: Path) -> None:
    ledger(tmp_path)
    report = verify(tmp_path)
    assert report.ok
    assert list(render(report))[-1] == "The ledger holds."
    code, output = run("--data-dir", str(tmp_path), "--json")
    assert code == 0
    found = json.loads(output)
    assert (found["ok"], len(found["checks"])) == (True, 8)


def test_a_false_one_is_not(tmp_path: Path) -> None:
    ledger(tmp_path, total=4)
    code, output = run("--data-dir", str(tmp_path))
    assert code == 1
    assert "FAULT  totals" in output
    assert "rows say 5 nano-dollars in 1, the total says 4 in 1" in output
    assert output.rstrip().endswith("does NOT hold.")


def test_a_broken_audit_log_is_a_fault(tmp_path: Path) -> None:
    ledger(tmp_path)
    database = open_sqlite(tmp_path / "phantom.db")
    with database.write() as connection:
        connection.execute(sa.update(AUDIT_HEAD).values(seq=3))
    database.close()
    code, output = run("--data-dir", str(tmp_path))
    assert code == 1
    assert "FAULT  audit" in output
    assert "tail truncated" in output


def test_verifying_changes_nothing(tmp_path: Path) -> None:
    ledger(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    verify(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name in before} == before


def test_where_nothing_is_nothing_is_verified(tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match="no such database"):
        verify(tmp_path)
    (tmp_path / "phantom.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(VerifyError):
        verify(tmp_path)
    code, _ = run("--data-dir", str(tmp_path))
    assert code == 1


def test_the_ledger_may_be_in_postgresql(tmp_path: Path, postgres: PostgresServer) -> None:
    url = postgres.migrated()
    database = postgres.open(url)
    DatabaseSink(database).apply(Batch(incarnation="w", records=(closed(1, cost=5),), position=Position(1, 1, 9)))
    assert verify(tmp_path, environment={"DATABASE_URL": url}).ok
    with database.write() as connection:
        connection.execute(sa.update(TOTALS).values(amount_nano=6))
    database.close()
    config = tmp_path / "config.yaml"
    config.write_text(f"general_settings: {{database_url: '{url}'}}")
    assert not verify(tmp_path, config).ok
    with pytest.raises(VerifyError) as caught:
        verify(tmp_path, environment={"DATABASE_URL": "mysql://u:hunter2@h/d"})
    assert "hunter2" not in str(caught.value)
