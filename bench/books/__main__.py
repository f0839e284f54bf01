"""``python -m bench.books --minutes M [--nodes 1|2]``: is every nano-dollar where it belongs after everything went wrong?"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from bench.books import report
from bench.books.run import CALLERS, Plan, run
from bench.report import about


def main(arguments: list[str]) -> int:
    """Run, keep the result, and say whether the books agree."""
    parser = argparse.ArgumentParser(prog="python -m bench.books", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--nodes", type=int, choices=(1, 2), default=1, help="2: with PostgreSQL and Redis")
    parser.add_argument("--callers", type=int, default=CALLERS)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--no-result", action="store_true", help="print the page and keep nothing")
    parser.add_argument("--data", type=Path, help="keep the data directories here (a new directory)")
    options = parser.parse_args(arguments)
    plan = Plan(options.minutes * 60, options.nodes, options.seed, options.callers)
    if options.data is not None:
        options.data.mkdir(parents=True)
        outcome = asyncio.run(run(plan, options.data))
    else:
        with tempfile.TemporaryDirectory(prefix="books-") as name:
            outcome = asyncio.run(run(plan, Path(name)))
    print(report.page(outcome, about()))
    if not options.no_result:
        print(report.keep(outcome, about()))
    return 0 if outcome.ok else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
