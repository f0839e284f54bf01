"""``python -m bench.dashboards``: how long each question of a dashboard takes on a large request log.

Makes a database of ``--rows`` requests over 90 days (1,000 keys, 400 users, 100 teams, 10 organisations, 12 models, 10,000
customers, 20 tags) straight in SQL, sums it as the migration does, and asks every question as often as ``--rounds`` says. The
database is kept in ``--file`` and used again. Figures are printed, not kept; the target is 100 ms each.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from pathlib import Path

import sqlalchemy as sa

from bench import questions
from phantom_gateway.store import rollup_fill, schema
from phantom_gateway.store.database import Database, open_sqlite
from phantom_gateway.store.rollup_tables import DAY_US
from phantom_gateway.store.tables import REQUESTS

DAYS = 90
KEYS = 1_000
TARGET_MS = 100

_ROWS = """
WITH RECURSIVE counter(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM counter WHERE n + 1 < :rows),
drawn AS (
    SELECT n, ((n * 2654435761) >> 7) % 1000003 AS r, ((n * 40503 + 12345) >> 3) % 100003 AS s FROM counter
),
placed AS (SELECT n, r, s, ((r % 1000) * (s % 1000)) / 1000 AS k, s % 3 AS m FROM drawn)
INSERT INTO requests (
    incarnation, number, request_id, started_at, duration_us, ttft_us, key_id, key_alias, user_id, team_id, org_id, end_user,
    tags, model, model_group, deployment_id, provider, upstream_model, call_type, stream, status, http_status, error_type,
    input, cache_read, output, usage_source, usage_flags, cost_nano, cost_parts, price_version, attempts, fallbacks,
    client_left, cache_hit, session_id
)
SELECT
    'bench', n, printf('%032x', n), :start + n * :step, 1000000 + r, 200000 + s, printf('%064x', k), 'key-' || k,
    'user-' || (k % 400), 'team-' || (k % 100), 'org-' || (k % 10),
    CASE WHEN s % 10 < 3 THEN 'customer-' || (r % 10000) END,
    CASE WHEN s % 10 = 4 THEN '["tag-' || (r % 20) || '"]' ELSE '[]' END,
    'model-' || ((k + m) % 12), 'model-' || ((k + m) % 12), 'd' || m, 'provider-' || ((k + m) % 4),
    'up-' || ((k + m) % 12), CASE WHEN m = 2 THEN 'aembedding' ELSE 'acompletion' END, m = 0,
    CASE WHEN r % 50 = 0 THEN 'failure' ELSE 'success' END, CASE WHEN r % 50 = 0 THEN 429 ELSE 200 END,
    CASE WHEN r % 50 = 0 THEN 'rate_limit_error' ELSE '' END,
    r % 5000, s % 700, r % 900, 'provider', '', 1000 * (r % 9000), '[]', 'bench', 1, 0, 0, 0,
    CASE WHEN s % 20 = 0 THEN 'session-' || (n / 40) END
FROM placed
"""


def fill(database: Database, rows: int) -> None:
    """Make the rows, then the sums."""
    began = time.perf_counter()
    start = int(time.time() * 1_000_000) - DAYS * DAY_US
    indexes = sorted(REQUESTS.indexes, key=lambda index: str(index.name))
    with database.write() as connection:
        connection.exec_driver_sql("PRAGMA cache_size = -400000")
        for index in indexes:
            index.drop(connection)
        connection.execute(sa.text(_ROWS), {"rows": rows, "start": start, "step": DAYS * DAY_US // rows})
        report(f"{rows:,} rows", began)
        for index in indexes:
            index.create(connection)
    report("their indexes", began)
    with database.write() as connection:
        rollup_fill.rebuild(connection)
        report("their sums", began)


def report(what: str, began: float) -> None:
    """Say how far it is."""
    print(f"made {what} ({time.perf_counter() - began:,.0f} s)", flush=True)


async def ask_all(database: Database, rounds: int, only: str) -> int:
    """Print the figures; the number of questions that took too long."""
    slow = 0
    async with questions.asker(database, questions.ACTORS) as ask:
        for name, path, query, key in questions.QUESTIONS:
            if only not in name:
                continue
            size = await ask(path, query, key)
            spent, cpu = [], []
            for _ in range(rounds):
                began, used = time.perf_counter(), time.process_time()
                await ask(path, query, key)
                spent.append((time.perf_counter() - began) * 1000)
                cpu.append((time.process_time() - used) * 1000)
            median = statistics.median(spent)
            slow += median > TARGET_MS
            print(
                f"{median:8.1f} ms  (least {min(spent):8.1f}, CPU {min(cpu):8.1f})  {size:9,} B  {name}",
                flush=True,
            )
    return slow


def main(arguments: list[str]) -> int:
    """Make or open the database, ask, print."""
    parser = argparse.ArgumentParser(prog="python -m bench.dashboards", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", help="part of a question's name")
    parser.add_argument("--fill", action="store_true", help="make the database and ask nothing")
    options = parser.parse_args(arguments)
    there = options.file.exists()
    database = open_sqlite(options.file)
    try:
        schema.migrate(database)
        if not there:
            fill(database, options.rows)
        return 0 if options.fill else int(asyncio.run(ask_all(database, options.rounds, options.only)) > 0)
    finally:
        database.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
