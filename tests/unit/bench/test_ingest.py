from __future__ import annotations

from pathlib import Path

import pytest
from bench import ingest


@pytest.mark.parametrize("batch", [None, 7])
def test_everything_written_is_taken_in(tmp_path: Path, batch: int | None) -> None:
    ingest.write(tmp_path / "journal" / "w", 100, 2)
    seconds, cpu, records = ingest.take_in(tmp_path / "journal", tmp_path / "phantom.db", batch)
    assert records == 200
    assert seconds > 0
    assert cpu > 0
    assert not list((tmp_path / "journal").iterdir()), "nothing is left of a dead worker's journal"
