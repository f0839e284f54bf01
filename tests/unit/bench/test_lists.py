from __future__ import annotations

from pathlib import Path

import pytest
from bench import lists
from tests.unit.bench.test_population import SMALL


def test_a_small_database_is_made_and_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "SIZE", SMALL)
    monkeypatch.setattr(lists, "REQUESTS", 50)
    arguments = ["--file", str(tmp_path / "small.db"), "--rounds", "1", "--only"]
    lists.main([*arguments, "/v2/model/info admin size=1000"])
    assert "/v2/model/info admin size=1000" in capsys.readouterr().out
    lists.main([*arguments, "/key/list team"])
    assert capsys.readouterr().out.count("/key/list") == 1, "the database is used again"
