from __future__ import annotations

from pathlib import Path

import pytest
from bench import ingest

from phantom_gateway.store.database import open_sqlite


@pytest.mark.parametrize(("batch", "owners"), [(None, False), (7, True)])
def test_everything_written_is_taken_in(tmp_path: Path, batch: int | None, *, owners: bool) -> None:
    ingest.write(tmp_path / "journal" / "w", 100, ingest.Shape(2, owners))
    database = open_sqlite(tmp_path / "phantom.db")
    seconds, cpu, records = ingest.take_in(tmp_path / "journal", database, batch)
    assert records == 200
    assert seconds > 0
    assert cpu > 0
    assert not list((tmp_path / "journal").iterdir()), "nothing is left of a dead worker's journal"
