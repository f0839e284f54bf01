from __future__ import annotations

from pathlib import Path

import pytest
from bench import interactions

PAGES = Path(__file__).parents[3] / "ui" / "src" / "app"


def test_each_step_has_a_name_of_its_own_and_begins_on_a_page() -> None:
    names = [name for name, _, _ in interactions.STEPS]
    assert len(names) == len(set(names))
    router = (PAGES / "router.tsx").read_text() + (PAGES / "nav.ts").read_text()
    assert all(f"/{path}" in router for _, path, _ in interactions.STEPS)


def test_where_the_database_is_must_be_said(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        interactions.main([])
    assert "--data" in capsys.readouterr().err
