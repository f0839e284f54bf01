"""Sixty real SIGKILLs of a process that writes a journal: nothing acknowledged is lost, nothing is there twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from phantom_gateway.ledger.ingest import Batch, Ingestor
from phantom_gateway.ledger.record import Closed, Opened
from phantom_gateway.ledger.replay import Position, scan

KILLS = 60

WRITER = """
import os, sys
from pathlib import Path
from phantom_gateway.ledger.journal import Journal
from tests.unit.ledger.samples import closed, opened
journal = Journal(Path(sys.argv[1]), "w", segment_bytes=20_000, reserve_bytes=65536)
journal.open()
os.write(1, b"ready\\n")
while True:
    start = journal.append(opened("r", 50))
    number = journal.append(closed("r", start, 3))
    os.write(1, b"%d\\n" % number)
"""


class Rows:
    """A database in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, int], Closed] = {}
        self.open: dict[tuple[str, int], Opened] = {}
        self.stored: dict[str, Position] = {}

    def positions(self) -> Mapping[str, Position]:
        return self.stored

    def open_records(self, incarnation: str) -> Sequence[Opened]:
        return [record for (owner, _), record in self.open.items() if owner == incarnation]

    def apply(self, batch: Batch) -> None:
        for row in batch.closed:
            assert (batch.incarnation, row.n) not in self.rows
            self.rows[batch.incarnation, row.n] = row
        for record in batch.opening:
            self.open[batch.incarnation, record.n] = record
        for number in batch.closing:
            self.open.pop((batch.incarnation, number), None)
        self.stored[batch.incarnation] = batch.position


def write_until_killed(directory: Path, seconds: float) -> list[int]:
    """The numbers that were acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE, env=environment()
    )
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        deadline = time.monotonic() + seconds
        lines: list[bytes] = []
        while time.monotonic() < deadline:
            lines.append(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        lines += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    return [int(line) for line in lines if line.endswith(b"\n")]


def environment() -> dict[str, str]:
    root = Path(__file__).parents[2]
    return {**os.environ, "PYTHONPATH": f"{root / 'src'}{os.pathsep}{root}"}


@pytest.mark.slow
def test_sixty_kills(tmp_path: Path) -> None:
    choice = random.Random(60)
    database, acknowledged = Rows(), 0
    control = Ingestor(tmp_path, database)
    for kill in range(KILLS):
        name = f"w{kill}"
        numbers = write_until_killed(tmp_path / name, choice.uniform(0, 0.05))
        acknowledged += len(numbers)
        summary = scan(tmp_path / name)
        # without Opened that were left there is one record of each kind
        assert summary.opened - summary.closed == summary.interrupted <= 1
        if kill % 2:
            control.step()  # of the living and of the dead alike: a journal may be taken in by bits
        while (tmp_path / name).exists():
            control.step()
        mine = {number for owner, number in database.rows if owner == name}
        assert set(numbers) <= mine
        assert len(mine) == summary.closed + summary.interrupted
        assert (
            sum([database.rows[name, number].cost.total for number in mine])
            == 3 * summary.closed + 50 * summary.interrupted
        )
    assert database.open == {}
    assert acknowledged > KILLS
