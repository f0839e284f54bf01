from __future__ import annotations

import pytest

from phantom_gateway.control.usage.questions import Asked, before
from phantom_gateway.store.rollups import CUSTOMERS, PLAIN, TAGS, Question

JUNE = Question(first=100, last=129)


@pytest.mark.parametrize(
    ("compare", "days"), [("previous", (70, 99)), ("year", (100 - 364, 129 - 364)), ("none", None)]
)
def test_periods_stand_side_by_side(compare: str, days: tuple[int, int] | None) -> None:
    found = before(JUNE, compare)
    assert (None if found is None else (found.first, found.last)) == days


def test_a_comparison_with_years_ago_overlaps_nothing() -> None:
    long = Question(first=1_000, last=1_999)
    found = before(long, "year")
    assert found is not None
    assert found.last < long.first


def test_totals_count_every_request_once() -> None:
    assert Asked(Question(first=1, last=2, family=TAGS), "name").whole.family == PLAIN
    named = Question(first=1, last=2, family=CUSTOMERS, only={"name": ["c"]})
    assert Asked(named).whole == named
