from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.control.timestamps import is_date, iso, parse


@given(st.integers(0, 4_000_000_000_000_000))
def test_what_is_written_is_read(microseconds: int) -> None:
    text = iso(microseconds / 1e6)
    assert text is not None
    assert text.endswith("Z")
    assert parse(text) == pytest.approx(microseconds / 1e6, abs=1e-5)


def test_nothing_stays_nothing() -> None:
    assert iso(None) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-02", 86400),
        ("1970-01-01 00:01:00", 60),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.5Z", 0.5),
    ],
)
def test_dates_and_times_are_utc_without_a_zone(text: str, seconds: float) -> None:
    assert parse(text) == seconds
    assert is_date(text) == (len(text) == 10)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01", "1", "2026-11-23 25:00:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a date"):
        parse(text)
