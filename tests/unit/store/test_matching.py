from __future__ import annotations

import pytest
import sqlalchemy as sa

from phantom_gateway.store.database import Database
from phantom_gateway.store.matching import contains


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("Alpha", "LPH", True),
        ("alpha", "alpha", True),
        ("alpha", "b", False),
        ("100%", "0%", True),
        ("1000", "0%", False),
        ("a_b", "_", True),
        ("ab", "_", False),
        ("a/b", "/", True),
        ("a'b", "'", True),
        ("a\\b", "\\", True),
    ],
)
def test_a_part_is_found_whatever_its_case_and_signs(database: Database, value: str, text: str, found: bool) -> None:
    with database.read() as connection:
        answer = connection.execute(sa.select(contains(sa.literal(value), text))).scalar_one()
        negated = connection.execute(sa.select(~contains(sa.literal(value), text))).scalar_one()
    assert (bool(answer), bool(negated)) == (found, not found)
