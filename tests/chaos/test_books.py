"""A short run of ``python -m bench.books`` in each set-up: after kills of everybody the ledger says what the simulator served.

The long one, with its figures, is the command itself (``docs/guides/bench.md``).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from bench.books.report import page
from bench.books.run import Plan, run


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("nodes", [1, 2], ids=["one node", "two nodes"])
async def test_the_books_agree_after_a_storm(tmp_path: Path, nodes: int) -> None:
    outcome = await run(Plan(seconds=15, nodes=nodes, seed=nodes, callers=12), tmp_path)
    shown = page(outcome, {})
    assert outcome.ok, shown
    assert outcome.verdict.sums["exact"].rows > 100, shown
    assert outcome.verdict.sums["exact"].ledger == outcome.verdict.sums["exact"].simulator
    assert outcome.storm["worker killed"] + outcome.storm["control killed"] > 2, shown
