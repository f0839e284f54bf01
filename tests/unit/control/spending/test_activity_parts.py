from __future__ import annotations

import csv
import io
import json

import pytest

from phantom_gateway.control.spending.activity_parts import csv_of, export_rows, json_of
from phantom_gateway.store.rollups import Metrics, Sum


@pytest.mark.parametrize("count", [0, 1, 3])
def test_pieces_make_one_document(count: int) -> None:
    rows = list(export_rows([Sum(("t",), Metrics(requests=n), n) for n in range(count)], "team_id", "daily"))
    assert json.loads("".join(json_of(iter(rows)))) == rows
    parsed = list(csv.DictReader(io.StringIO("".join(csv_of(iter(rows))))))
    assert [row["api_requests"] for row in parsed] == [str(n) for n in range(count)]


def test_no_cell_is_a_formula() -> None:
    text = "".join(csv_of(iter([{"team_id": "=cmd|' /C calc'!A0", "spend": -1.5}])))
    assert text.splitlines()[1] == "'=cmd|' /C calc'!A0,-1.5"
