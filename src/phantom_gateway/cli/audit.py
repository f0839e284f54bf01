"""``phantom audit``: the audit log, read from the database. Beside a running gateway or without one; nothing is changed."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, NoReturn

import msgspec
import typer

from phantom_gateway.cli.serve import data_dir_default
from phantom_gateway.security import audit_memory
from phantom_gateway.security.audit_chain import Head, Reason, Record, Verifier
from phantom_gateway.store import audit, schema
from phantom_gateway.store.audit import AuditError, AuditFilter, Stored
from phantom_gateway.store.database import Database, DatabaseError, open_sqlite_readonly

app = typer.Typer(no_args_is_help=True)

DataDir = Annotated[Path | None, typer.Option(help="The data directory. Default: $PHANTOM_DATA_DIR or ./phantom-data")]
_FOLLOW_SECONDS = 0.5
_REASONS = (AuditError, DatabaseError, audit_memory.RememberedHeadError, OSError)


class _Line(msgspec.Struct):
    """A line of an export: the canonical record is a part of it, byte by byte."""

    hash: str
    record: Record


@app.command("verify")
def verify_command(
    data_dir: DataDir = None,
    file: Annotated[Path | None, typer.Option(help="Verify this export instead of a database.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write the outcome as JSON.")] = False,
) -> None:
    """Check that the audit log is one unbroken chain, as long as it ever was. Exit code 1 when it is not."""
    began = time.monotonic()
    try:
        verifier = verify_export(file) if file else verify(data_dir or data_dir_default())
    except (*_REASONS, ValueError) as error:
        _fail("verify", error)
    outcome = as_object(verifier)
    if as_json:
        typer.echo(json.dumps(outcome, indent=2))
    else:
        for line in render(verifier, time.monotonic() - began):
            typer.echo(line)
    if not outcome["ok"]:
        raise typer.Exit(1)


@app.command("tail")
def tail_command(
    data_dir: DataDir = None,
    lines: Annotated[int, typer.Option("--lines", "-n", help="How many of the last records.", min=0)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with what comes in.")] = False,
    event: Annotated[str, typer.Option(help="Only events whose code starts with this, e.g. key. or login.failed")] = "",
) -> None:
    """Show the last records, a line each."""
    try:
        with opened(data_dir or data_dir_default()) as database:
            with database.read() as connection:
                last = audit.head_of(connection).seq
            after = max(0, last - lines)
            while True:
                for stored in audit.stream(database, AuditFilter(), after):
                    after = stored.record.seq
                    if stored.record.event.startswith(event):
                        typer.echo(one_line(stored))
                if not follow:
                    return
                time.sleep(_FOLLOW_SECONDS)
    except _REASONS as error:
        _fail("tail", error)
    except KeyboardInterrupt:
        return


@app.command("export")
def export_command(
    data_dir: DataDir = None,
    since: Annotated[str | None, typer.Option(help="From this date or time on (ISO 8601, UTC without a zone).")] = None,
    until: Annotated[str | None, typer.Option(help="Before this date or time.")] = None,
    output: Annotated[
        Path | None, typer.Option(help="Write here instead of to standard output; must not exist.")
    ] = None,
) -> None:
    """Write records as JSON lines: `{"hash": ..., "record": {...}}`. The hash is SHA-256 of the record as it stands there."""
    try:
        wanted = AuditFilter(since=_moment(since), until=_moment(until))
        with opened(data_dir or data_dir_default()) as database:
            if output is None:
                count = export(database, wanted, sys.stdout.buffer)
            else:
                with output.open("xb") as target:
                    count = export(database, wanted, target)
    except (*_REASONS, ValueError) as error:
        _fail("export", error)
    typer.echo(f"{count:,} records", err=True)


def verify(data_dir: Path) -> Verifier:
    """Check the log of a data directory. Raises AuditError, DatabaseError, RememberedHeadError, OSError."""
    with opened(data_dir) as database:
        return audit.verify(database, audit_memory.read(data_dir))


def verify_export(path: Path) -> Verifier:
    """Check an export; one that does not begin at record 1 is taken to follow from what its first record says.

    Raises OSError, and ValueError when a line is not one of an export.
    """
    decoder = msgspec.json.Decoder(_Line)
    verifier = Verifier()
    with path.open("rb") as lines:
        for number, text in enumerate(lines, 1):
            try:
                line = decoder.decode(text)
            except msgspec.MsgspecError as error:
                raise ValueError(f"{path}:{number}: not a line of an export") from error
            if number == 1 and line.record.seq > 1:
                verifier.head = Head(line.record.seq - 1, line.record.prev)
            if not verifier.take(line.record, line.hash):
                break
            if text.rstrip(b"\n") != export_line(Stored(line.record, line.hash)):
                verifier.refuse(line.record.seq, Reason.CHANGED, "the line is not in canonical form")
                break
    return verifier


def export(database: Database, wanted: AuditFilter, target: BinaryIO) -> int:
    """Write matching records; how many. Neither memory nor transactions grow with their number."""
    count = 0
    for stored in audit.stream(database, wanted):
        target.write(export_line(stored) + b"\n")
        count += 1
    return count


def export_line(stored: Stored) -> bytes:
    """One record as an export has it, without the line's end."""
    return msgspec.json.encode(_Line(stored.hash, stored.record))


@contextmanager
def opened(data_dir: Path) -> Iterator[Database]:
    """The database of a data directory, for reading. Raises AuditError when there is none, or one of another release."""
    path = data_dir / "phantom.db"
    if not path.is_file():
        raise AuditError(f"{path}: no such database")
    database = open_sqlite_readonly(path)
    try:
        revision = schema.current(database)
        if revision != schema.HEAD:
            raise AuditError(f"{path}: its schema is {revision}, not {schema.HEAD}; start this release once")
        yield database
    finally:
        database.close()


def as_object(verifier: Verifier) -> dict[str, Any]:
    """The outcome in types JSON has."""
    fault = verifier.fault
    return {
        "ok": fault is None,
        "records": verifier.records,
        "last_seq": verifier.head.seq,
        "last_hash": verifier.head.hash,
        "first_bad_seq": None if fault is None else fault.seq,
        "reason": None if fault is None else fault.reason.value,
        "detail": None if fault is None else fault.detail,
        "clock_went_back": verifier.clock_back,
        "clock_first_went_back_at": verifier.first_clock_back or None,
    }


def render(verifier: Verifier, seconds: float) -> Iterator[str]:
    """The outcome as lines of text."""
    yield f"{verifier.records:,} records hold, up to number {verifier.head.seq}, in {seconds:.1f} s"
    if verifier.clock_back:
        yield f"WARNING the clock went back {verifier.clock_back:,} times, first at record {verifier.first_clock_back}"
    if verifier.fault is None:
        yield f"The audit log is sound. Its last hash: {verifier.head.hash}"
    else:
        yield f"FAULT   record {verifier.fault.seq}: {verifier.fault.reason.value}: {verifier.fault.detail}"


def one_line(stored: Stored) -> str:
    """A record for people."""
    record = stored.record
    moment = datetime.fromtimestamp(record.ts / 1e6, UTC).strftime("%Y-%m-%d %H:%M:%S")
    who = record.actor if record.changed_by == record.actor else f"{record.actor} for {record.changed_by}"
    failed = "" if record.result == "success" else f" ({record.result})"
    # Names are whatever somebody typed: a terminal must not obey them.
    text = f"{record.seq} {moment} {record.event}{failed} {record.object_id} by {who}"
    return "".join(character if character.isprintable() else "?" for character in text)


def _moment(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ValueError(f"{text}: must be a date (YYYY-MM-DD) or a time (ISO 8601)") from error
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1_000_000)


def _fail(command: str, error: Exception) -> NoReturn:
    # The database's own words name statements: its kind says enough.
    message = (
        f"the database cannot be read ({type(error).__name__})" if isinstance(error, DatabaseError) else str(error)
    )
    typer.echo(f"phantom audit {command}: {message}", err=True)
    raise typer.Exit(1)
