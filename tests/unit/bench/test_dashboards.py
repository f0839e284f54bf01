from __future__ import annotations

from pathlib import Path

import pytest
from bench import dashboards

from phantom_gateway.store import rollup_check
from phantom_gateway.store.database import open_sqlite


def test_a_small_database_is_made_and_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "bench.db"
    dashboards.main(["--file", str(file), "--rows", "300", "--rounds", "1", "--only", "/spend/logs/v2"])
    assert "/spend/logs/v2 admin one team" in capsys.readouterr().out
    database = open_sqlite(file)
    with database.read() as connection:
        assert [fault for _, fault in rollup_check.differences(connection) if fault] == []
    database.close()
