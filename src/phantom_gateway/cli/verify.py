"""``phantom verify``: does the ledger hold? Beside a running gateway or without one; it changes nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from phantom_gateway.cli.serve import data_dir_default
from phantom_gateway.config.database_address import PostgresAddress
from phantom_gateway.config.errors import ConfigError
from phantom_gateway.config.loader import load_config
from phantom_gateway.config.schema import Config
from phantom_gateway.control.backends import backends_of
from phantom_gateway.security import audit_memory
from phantom_gateway.security.audit_memory import RememberedHeadError
from phantom_gateway.store import audit, schema
from phantom_gateway.store.audit import AuditError
from phantom_gateway.store.database import Database, DatabaseError, open_sqlite_readonly
from phantom_gateway.store.proof import Check, prove


class VerifyError(Exception):
    """There is nothing to verify, or it cannot be read."""


@dataclass(frozen=True, slots=True)
class Report:
    """The outcome of a verification."""

    data_dir: str
    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return all(check.ok for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """The report in types JSON has."""
        checks = [
            {
                "name": check.name,
                "claim": check.claim,
                "ok": check.ok,
                "examined": check.examined,
                "faults": check.faults,
                "details": check.details,
            }
            for check in self.checks
        ]
        return {"ok": self.ok, "data_dir": self.data_dir, "checks": checks}


def verify(data_dir: Path, config: Path | None = None, environment: Mapping[str, str] | None = None) -> Report:
    """Check the journals of ``data_dir`` and the database that ``config`` and the environment name. Raises VerifyError."""
    path, database = _database(data_dir, config, environment or {})
    try:
        revision = schema.current(database)
        if revision != schema.HEAD:
            raise VerifyError(
                f"{path}: its schema is {revision}, not {schema.HEAD}; start this release once, or use the other"
            )
        checks = (*prove(database, data_dir / "journal"), _audit(database, data_dir))
        return Report(str(data_dir), checks)
    except (AuditError, RememberedHeadError) as error:
        raise VerifyError(str(error)) from error
    except DatabaseError as error:
        raise VerifyError(f"{path}: cannot be read ({type(error).__name__})") from error
    finally:
        database.close()


def _audit(database: Database, data_dir: Path) -> Check:
    verifier = audit.verify(database, audit_memory.read(data_dir))
    check = Check("audit", "the audit log is one unbroken chain", examined=verifier.records)
    if verifier.fault is not None:
        check.fault(f"record {verifier.fault.seq}: {verifier.fault.reason.value}: {verifier.fault.detail}")
    return check


def _database(data_dir: Path, config: Path | None, environment: Mapping[str, str]) -> tuple[str, Database]:
    """Its name and itself."""
    try:
        read = load_config(config, environment) if config is not None else Config()
        backends = backends_of(read, environment, data_dir / "phantom.db")
    except ConfigError as error:
        raise VerifyError(str(error)) from error
    if isinstance(backends.database, PostgresAddress):
        return backends.database.name, backends.open()
    path = backends.database.path
    if not path.is_file():
        raise VerifyError(f"{path}: no such database")
    return str(path), open_sqlite_readonly(path)


def verify_command(
    data_dir: Annotated[
        Path | None, typer.Option(help="The data directory. Default: $PHANTOM_DATA_DIR or ./phantom-data")
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="The configuration, when it names a database. Else DATABASE_URL is looked at.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the report as JSON.")] = False,
) -> None:
    """Check that journals, rows and totals agree, and the audit log's chain. Exit code 1 when they do not."""
    try:
        report = verify(data_dir or data_dir_default(), config, os.environ)
    except VerifyError as error:
        typer.echo(f"phantom verify: {error}", err=True)
        raise typer.Exit(1) from error
    if as_json:
        typer.echo(json.dumps(report.as_json(), indent=2))
    else:
        for line in render(report):
            typer.echo(line)
    if not report.ok:
        raise typer.Exit(1)


def render(report: Report) -> Iterator[str]:
    """The report as lines of text."""
    for check in report.checks:
        yield f"{'ok    ' if check.ok else 'FAULT '} {check.name:<9} {check.examined:>9,}  {check.claim}"
        yield from (f"         {detail}" for detail in check.details)
        if check.faults > len(check.details):
            yield f"         and {check.faults - len(check.details):,} more"
    yield "The ledger holds." if report.ok else "The ledger does NOT hold."
