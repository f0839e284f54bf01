"""``python -m bench.lists``: how long a page of each list of the admin API takes at 100,000 keys, 1,000 teams, 20,000 users.

Asks the admin API in this process, over a database with the population of ``bench.population`` and 200,000 requests: SQLite in
``--file`` (kept and used again), or with ``--postgres`` the empty database of that address. Every list with its sorts, its
filters and deep pages, as an administrator, as an organisation's and a team's and as a plain user. Figures are the least and
the median of ``--rounds``; the target is 50 ms each.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import statistics
import sys
import time
from pathlib import Path

from bench import dashboards, pages, population, questions
from bench.population import Size
from phantom_gateway.config.database_address import PostgresAddress, parse_database_url
from phantom_gateway.spine.snapshot import Address, Deployment
from phantom_gateway.store import schema
from phantom_gateway.store.database import Database, open_sqlite

TARGET_MS = 50
SIZE = Size(models=2_000, audit=100_000)
REQUESTS = 200_000


def digest(key: str) -> str:
    """Stands in for the keyed digest of a key."""
    return hashlib.sha256(key.encode()).hexdigest()


def prepare(options: argparse.Namespace) -> Database:
    """The database, filled if it is new. Raises SystemExit."""
    if options.postgres:
        from phantom_gateway.store.postgres import open_postgres

        address = parse_database_url(options.postgres)
        if not isinstance(address, PostgresAddress):
            raise SystemExit("--postgres takes the address of a PostgreSQL database")
        database: Database = open_postgres(address)
    else:
        database = open_sqlite(options.file)
    new = schema.current(database) is None
    schema.migrate(database)
    if new:
        population.put(database, SIZE, digest)
        if not options.postgres:
            dashboards.fill(database, REQUESTS)
    return database


def served() -> list[Deployment]:
    """The models of the population, as they would be served."""
    nowhere = Address(scheme="http", host="127.0.0.1", port=9)
    return [
        Deployment(
            id=f"model-{n}", group=f"group-{n % 500}", provider="openai", model="demo", address=nowhere, db_model=True
        )
        for n in range(SIZE.models)
        if n % 100
    ]


async def ask_all(database: Database, rounds: int, only: str) -> int:
    """Print the figures; the number of pages that took too long."""
    slow = 0
    async with questions.asker(database, pages.ACTORS, served()) as ask:
        for name, path, query, who in pages.PAGES:
            if only not in name:
                continue
            size = await ask(path, query, who)
            spent, cpu = [], []
            for _ in range(rounds):
                began, used = time.perf_counter(), time.process_time()
                await ask(path, query, who)
                spent.append((time.perf_counter() - began) * 1000)
                cpu.append((time.process_time() - used) * 1000)
            least = min(spent)
            slow += least > TARGET_MS
            print(
                f"{'SLOW' if least > TARGET_MS else '    '} {least:8.1f} ms  (median {statistics.median(spent):8.1f}, "
                f"CPU of this process {min(cpu):7.1f})  {size:9,} B  {name}",
                flush=True,
            )
    return slow


def main(arguments: list[str]) -> int:
    """Make or open the database, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.lists", description=__doc__)
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--file", type=Path, help="of a SQLite database")
    place.add_argument("--postgres", help="address of a PostgreSQL database")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--only", default="", help="part of a page's name")
    options = parser.parse_args(arguments)
    database = prepare(options)
    try:
        return int(asyncio.run(ask_all(database, options.rounds, options.only)) > 0)
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
