from __future__ import annotations

import pytest

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.spending.log_query import Filters, cursor, cursor_text, moment

SECOND = 1_000_000
NOON = "2026-01-01 12:00:00"


def test_the_end_of_a_range_is_what_it_names() -> None:
    start = moment("start_date", "2026-01-01")
    assert moment("end_date", "2026-01-01", end=True) == start + 86_400 * SECOND, "a day ends with the day"
    assert moment("end_date", NOON, end=True) == moment("start_date", NOON) + SECOND, "a second with the second"
    assert moment("end_date", f"{NOON}.25", end=True) == moment("start_date", f"{NOON}.25") + 1


def test_a_cursor_is_read_back() -> None:
    assert cursor(cursor_text((5, 7)) or "") == (5, 7)
    assert cursor_text(None) is None
    for text in ("", "1", "a.b", "1.2.3", "-1.2", f"1.{1 << 63}", "\u0661.1"):
        with pytest.raises(ApiError):
            cursor(text)


def test_only_what_needs_it_is_looked_at_row_by_row() -> None:
    days = {"start_date": "2026-01-01", "end_date": "2026-01-02"}
    for values, scans in (({"user_id": "u"}, False), ({"model_group": "m"}, True), ({"min_spend": 1.0}, True)):
        search = Filters({**days, **values}).search(None)
        assert search.scans is scans, values
    assert Filters({**days, "status_filter": "failure"}).search(None).failed
