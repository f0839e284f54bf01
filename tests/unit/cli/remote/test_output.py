from __future__ import annotations

import sys

import pytest

from phantom_gateway.cli.remote import output
from phantom_gateway.cli.remote.description import Column
from phantom_gateway.config.secret import Secret

COLUMNS = (Column("ID", "id", short=True), Column("NAME", "info.name"))
ROWS = [{"id": "0123456789abcdef", "info": {"name": "[red]\x1b[31m"}}, {"id": None}]


def test_pipes_get_tabs_and_whole_ids(capsys: pytest.CaptureFixture[str]) -> None:
    output.rows(ROWS, COLUMNS, wide=False)
    assert capsys.readouterr().out == "ID\tNAME\n0123456789abcdef\t[red]?[31m\n\t\n"


def test_terminals_get_tables(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    output.rows(ROWS, COLUMNS, wide=False)
    cut = capsys.readouterr().out
    assert "0123456789a…" in cut
    assert "[red]?[31m" in cut
    output.rows(ROWS, COLUMNS, wide=True)
    assert "0123456789abcdef" in capsys.readouterr().out


def test_terminals_get_no_empty_columns_and_short_times(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    output.rows([{"id": "2026-11-23T10:57:18.038066Z"}], COLUMNS, wide=False)
    shown = capsys.readouterr().out
    assert "2026-11-23 10:57 " in shown
    assert "NAME" not in shown
    output.rows([], COLUMNS, wide=False)
    assert "NAME" in capsys.readouterr().out


def test_objects_leave_out_what_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    output.item({"a": 1, "b": None, "c": [], "d": "", "e": 0, "f": {"g": 1}})
    assert capsys.readouterr().out == 'a\t1\ne\t0\nf\t{"g": 1}\n'


def test_a_secret_is_shown_and_the_remark_is_not_in_the_way(capsys: pytest.CaptureFixture[str]) -> None:
    output.secret("key", Secret("sk-new"))
    shown = capsys.readouterr()
    assert shown.out == "key\tsk-new\n"
    assert "not shown again" in shown.err


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (True, "yes"), (False, "no"), (0.0, "0"), (1e-07, "0.0000001"), (12.5, "12.5"), (["a", "b"], "a, b"),
     ("a\tb\nc", "a?b?c"), (7, "7")],
)  # fmt: skip
def test_cells(value: object, text: str) -> None:
    assert output.cell(value) == text


def test_paths() -> None:
    assert output.at({"a": {"b": 1}}, "a.b") == 1
    assert output.at({"a": 1}, "a.b") is None
    assert output.at([1], "") == [1]
