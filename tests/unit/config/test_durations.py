from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.config.durations import Duration, parse_duration, parse_seconds, parse_window, parse_zone


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30s", Duration(30, "s")),
        ("30m", Duration(30, "m")),
        ("24h", Duration(24, "h")),
        ("7d", Duration(7, "d")),
        ("2w", Duration(14, "d")),
        ("1mo", Duration(1, "mo")),
        (" 5m ", Duration(5, "m")),
    ],
)
def test_durations_are_read(text: str, expected: Duration) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "s", "0s", "-1d", "1.5h", "1y", "1 d", "1D", "10000d", "121mo", "٣s", "1d1h", "999999999999s"]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_duration(text)


def test_a_month_has_no_length_in_seconds() -> None:
    with pytest.raises(ValueError, match="month"):
        parse_duration("1mo").seconds()


@given(st.integers(1, 3660 * 24), st.sampled_from(["s", "m", "h"]))
def test_a_duration_survives_its_text(count: int, unit: str) -> None:
    duration = parse_duration(f"{count}{unit}")
    assert parse_duration(str(duration)) == duration


@pytest.mark.parametrize(("value", "expected"), [(600, 600.0), (0.5, 0.5), ("600", 600.0), ("10m", 600.0), (0, 0.0)])
def test_seconds_are_read(value: object, expected: float) -> None:
    assert parse_seconds(value) == expected


@pytest.mark.parametrize("value", [True, None, [], "x", -1, float("nan"), float("inf"), "1mo", "nan", 1e12])
def test_other_values_are_no_seconds(value: object) -> None:
    with pytest.raises(ValueError, match=r"must|month"):
        parse_seconds(value)


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("1d", "", "1d"),
        ("1d", "Europe/Berlin", "1d@Europe/Berlin"),
        ("1d@Asia/Tokyo", "Europe/Berlin", "1d@Asia/Tokyo"),
        ("1d@UTC", "Europe/Berlin", "1d@UTC"),
        ("2w@Asia/Tokyo", "", "14d@Asia/Tokyo"),
        ("24h", "Europe/Berlin", "24h@Europe/Berlin"),
        ("12h", "Europe/Berlin", "12h"),
    ],
)
def test_windows_have_a_time_zone_where_it_makes_a_difference(text: str, zone: str, expected: str) -> None:
    assert parse_window(text, zone) == expected


@pytest.mark.parametrize(
    "text", ["12h@Europe/Berlin", "1d@Mars/Base", "1d@", "1d@/etc/passwd", "1d@Europe", "@UTC", "x@UTC"]
)
def test_windows_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"must|only"):
        parse_window(text)


def test_names_of_time_zones() -> None:
    assert parse_zone("America/Argentina/Buenos_Aires") == "America/Argentina/Buenos_Aires"
    with pytest.raises(ValueError, match="time zone"):
        parse_zone("Berlin")
