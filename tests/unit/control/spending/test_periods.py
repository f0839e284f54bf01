from __future__ import annotations

import pytest

from phantom_gateway.control.errors import ApiError
from phantom_gateway.control.spending.periods import DAY, MAX_DAYS, Period, date, period, period_or_all

NOW = 20_000 * DAY + 3600.0


def test_both_ends_are_meant() -> None:
    assert period(date(19_990), date(20_000), NOW) == Period(19_990, 20_000)
    assert period("2024-10-04 23:59:59", "2024-10-04", NOW).first == 20_000


@pytest.mark.parametrize(("minutes", "hours"), [(0, 0), (300, -5), (-60, 1), (-330, 6), (-840, 14)])
def test_zones_are_minutes_behind_utc(minutes: int, hours: int) -> None:
    assert period(date(19_999), date(20_000), NOW, minutes).offset_hours == hours


def test_days_without_sums_by_hour_are_utc() -> None:
    assert period(date(19_900), date(20_000), NOW, 300).offset_hours == 0


def test_without_dates_the_last_days_are_meant() -> None:
    assert period_or_all(None, None, NOW) == Period(19_971, 20_000)
    assert period_or_all(None, date(19_000), NOW, days=2) == Period(18_999, 19_000)


@pytest.mark.parametrize(
    ("start", "end", "field"),
    [
        (None, "2024-01-01", "start_date"),
        ("2024-01-01", "", "end_date"),
        ("x", "2024-01-01", "start_date"),
        ("1900-01-01", "2024-01-01", "start_date"),
        ("2024-01-02", "2024-01-01", "end_date"),
        (date(10_000), date(10_000 + MAX_DAYS), "end_date"),
    ],
)
def test_bad_ranges_are_named(start: str | None, end: str, field: str) -> None:
    with pytest.raises(ApiError) as caught:
        period(start, end, NOW)
    assert caught.value.param == field
