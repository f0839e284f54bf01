"""``python -m bench.ingest``: how fast control takes journals into its database, and what a request costs it.

Writes the journal of a worker that died, as its requests would have left it, then has it taken in by the real ingestion into
a database in a temporary directory: in large batches, as after an outage, or with ``--live`` in batches of a tenth of a
second's requests, as they come from a busy worker. Figures are printed, not kept.
"""

from __future__ import annotations

import argparse
import gc
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from phantom_gateway.config.database_address import PostgresAddress, parse_database_url
from phantom_gateway.control.process import COLLECT
from phantom_gateway.ledger.files import OsLayer, SegmentFile
from phantom_gateway.ledger.frames import segment_name
from phantom_gateway.ledger.ingest import Ingestor, spends_of
from phantom_gateway.ledger.money import Cost
from phantom_gateway.ledger.record import Closed, Opened, Record, Spend, encoder
from phantom_gateway.ledger.usage import Usage
from phantom_gateway.limits.authority import Authority
from phantom_gateway.store import schema
from phantom_gateway.store.database import Database, open_sqlite
from phantom_gateway.store.sink import DatabaseSink

IN_FLIGHT = 64
KEYS = 16
START_NS = 1_800_000_000_000_000_000


class Shape(NamedTuple):
    """What requests are like: how many budgets each charges, and whether all its owners are set."""

    scopes: int = 1
    owners: bool = False


def owners(request: int) -> dict[str, Any]:
    """Whom a request belongs to beside its key: of many customers and some tags each time another."""
    key = request % KEYS
    named = {"user_id": f"user-{key}", "team_id": f"team-{key % 8}", "org_id": f"org-{key % 4}"}
    named |= {"project_id": f"project-{key % 8}", "end_user": f"customer-{request % 500}"}
    return {**named, "tags": (f"tag-{request % 20}", "bench")}


def opened(n: int, request: int, shape: Shape) -> Opened:
    """What admission writes."""
    key = f"{request % KEYS:064x}"
    scopes = shape.scopes
    return Opened(
        n=n,
        id=f"{request:032x}",
        at_ns=START_NS + request * 300_000,
        key_id=key,
        group="bench",
        reserved=tuple([Spend(f"budget:{scope}:{key}:30d", 1_799_000_000.0, 90_000) for scope in range(scopes)]),
        estimate=90_000,
        input_tokens=23,
        call_type="acompletion",
        model="bench",
        key_alias=f"bench-{request % KEYS}",
        **(owners(request) if shape.owners else {}),
    )


def closed(n: int, before: Opened, shape: Shape) -> Closed:
    """What settling writes."""
    return Closed(
        n=n,
        opened=before.n,
        id=before.id,
        at_ns=before.at_ns,
        duration_us=12_345,
        key_id=before.key_id,
        key_alias=before.key_alias,
        user_id=before.user_id,
        team_id=before.team_id,
        org_id=before.org_id,
        project_id=before.project_id,
        end_user=before.end_user,
        tags=before.tags,
        model=before.model,
        group=before.group,
        deployment_id="bench/0123456789abcdef",
        provider="openai",
        upstream_model="demo",
        call_type=before.call_type,
        usage=Usage(input=9, output=12, source="provider"),
        cost=Cost(8550, 1350, 7200),
        price_version="config",
        spends=tuple(
            [Spend(f"budget:{scope}:{before.key_id}:30d", 1_799_000_000.0, 8550) for scope in range(shape.scopes)]
        ),
    )


def write(directory: Path, requests: int, shape: Shape) -> None:
    """One segment with ``requests`` requests, each closed when ``IN_FLIGHT`` others were opened after it."""
    directory.mkdir(parents=True)
    segment = SegmentFile(OsLayer(), directory / segment_name(1), 1)
    waiting: list[Opened] = []
    payloads: list[bytes] = []
    n = 0

    def add(record: Record) -> None:
        nonlocal n
        n = record.n
        payloads.append(encoder.encode(record))

    for request in range(requests):
        waiting.append(opened(n + 1, request, shape))
        add(waiting[-1])
        if len(waiting) > IN_FLIGHT:
            add(closed(n + 1, waiting.pop(0), shape))
    for last in waiting:
        add(closed(n + 1, last, shape))
    segment.append_many(payloads, 1)
    segment.finish()


def take_in(root: Path, database: Database, batch: int | None) -> tuple[float, float, int]:
    """Seconds, CPU seconds of this process, and records."""
    schema.migrate(database)
    authority = Authority()
    ingestor = Ingestor(
        root,
        DatabaseSink(database),
        on_ingesting=lambda worker, closed: authority.ingesting(worker, spends_of(closed)),
        on_ingested=lambda worker, closed: authority.ingested(worker, spends_of(closed)),
    )
    if batch is not None:
        ingestor.batch = batch
    began, cpu = time.perf_counter(), time.process_time()
    records = 0
    while taken := ingestor.step():
        records += taken
    used = time.perf_counter() - began, time.process_time() - cpu
    ingestor.close()
    database.close()
    return *used, records


def _postgres(url: str) -> Database:
    from phantom_gateway.store.postgres import open_postgres

    address = parse_database_url(url)
    if not isinstance(address, PostgresAddress):
        raise SystemExit("--postgres takes the address of a PostgreSQL database")
    return open_postgres(address)


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.ingest", description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--scopes", type=int, default=1, help="budgets that each request charges")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--owners", action="store_true", help="requests have a user, team, organisation, customer, tags, ..."
    )
    parser.add_argument("--postgres", help="address of a PostgreSQL database to take them into, which keeps them")
    parser.add_argument("--live", action="store_true", help="batches of 800 records")
    options = parser.parse_args(arguments)
    best: tuple[float, float, int] | None = None
    gc.freeze()
    gc.set_threshold(*COLLECT)
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="phantom-bench-", dir=os.environ.get("TMPDIR")) as name:
            root = Path(name) / "journal"
            write(root / f"worker-{secrets.token_hex(4)}", options.requests, Shape(options.scopes, options.owners))
            database = _postgres(options.postgres) if options.postgres else open_sqlite(Path(name) / "phantom.db")
            figures = take_in(root, database, 800 if options.live else None)
            best = figures if best is None else min(best, figures)
    assert best is not None
    seconds, cpu, records = best
    print(
        f"{records:,} records of {options.requests:,} requests, {options.scopes} budgets each: "
        f"{records / seconds:,.0f} records/s, {options.requests / seconds:,.0f} requests/s; "
        f"CPU {cpu / options.requests * 1e6:.1f} us per request, {cpu / records * 1e6:.1f} us per record"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
