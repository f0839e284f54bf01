from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phantom_gateway.limits.windows import FOREVER, WindowSyntaxError, admitted_at, parse, seconds, window_bounds

WINDOWS = st.sampled_from(
    ["1s", "30s", "60s", "15m", "1h", "5h", "24h", "1d", "2d", "7d", "10d", "30d", "2w", "1mo", "3mo"]
)
NOW = st.floats(0, 4e9)


ZONES = ["", "UTC", "Europe/Berlin", "America/Sao_Paulo", "Africa/Cairo", "Asia/Beirut", "Australia/Lord_Howe"]


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("window", "now", "start", "end"),
    [
        ("60s", "2026-05-13T10:20:30", "2026-05-13T10:20:00", "2026-05-13T10:21:00"),
        ("15m", "2026-05-13T10:20:30", "2026-05-13T10:15:00", "2026-05-13T10:30:00"),
        ("1h", "2026-05-13T10:20:30", "2026-05-13T10:00:00", "2026-05-13T11:00:00"),
        ("24h", "2026-05-13T10:20:30", "2026-05-13T00:00:00", "2026-05-14T00:00:00"),
        ("1d", "2026-05-13T00:00:00", "2026-05-13T00:00:00", "2026-05-14T00:00:00"),
        ("7d", "2026-05-13T10:20:30", "2026-05-11T00:00:00", "2026-05-18T00:00:00"),
        ("1w", "2026-05-17T23:59:59", "2026-05-11T00:00:00", "2026-05-18T00:00:00"),
        ("30d", "2026-02-13T10:20:30", "2026-02-01T00:00:00", "2026-03-01T00:00:00"),
        ("1mo", "2026-12-31T23:59:59", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        ("3mo", "2026-05-13T10:20:30", "2026-04-01T00:00:00", "2026-07-01T00:00:00"),
    ],
)
def test_calendar_windows(window: str, now: str, start: str, end: str) -> None:
    assert window_bounds(window, at(now)) == (at(start), at(end))


def test_never() -> None:
    assert window_bounds("", 123.0) == FOREVER == (0.0, math.inf)
    assert seconds("") == math.inf


@pytest.mark.parametrize("bad", ["x", "0s", "-1d", "1y", "1.5h", "d", "30 s", "1e3s", "99999999999s", "٣d"])
def test_syntax(bad: str) -> None:
    with pytest.raises(WindowSyntaxError):
        parse(bad)


def test_anchored() -> None:
    anchor = at("2026-01-31T12:00:00")
    assert window_bounds("1d", anchor + 90_000, anchor) == (anchor + 86_400, anchor + 172_800)
    assert window_bounds("1mo", at("2026-02-15T00:00:00"), anchor) == (anchor, at("2026-02-28T12:00:00"))
    assert window_bounds("1mo", at("2026-02-28T12:00:00"), anchor) == (
        at("2026-02-28T12:00:00"),
        at("2026-03-31T12:00:00"),
    )


def test_days_follow_the_clock_over_daylight_saving() -> None:
    start, end = window_bounds("1d@Europe/Berlin", at("2026-03-29T12:00:00"))
    assert (start, end) == (at("2026-03-28T23:00:00"), at("2026-03-29T22:00:00"))
    start, end = window_bounds("24h@Europe/Berlin", at("2026-10-25T12:00:00"))
    assert end - start == 25 * 3600


def test_weeks_and_months_of_a_time_zone() -> None:
    assert window_bounds("1w@Asia/Tokyo", at("2026-05-10T16:00:00"))[0] == at("2026-05-10T15:00:00")
    assert window_bounds("30d@America/New_York", at("2026-05-01T03:00:00"))[1] == at("2026-05-01T04:00:00")
    assert seconds("1d@Asia/Tokyo") == 86_400


@pytest.mark.parametrize(
    "bad", ["1h@Europe/Berlin", "30s@UTC", "1d@", "1d@Mars/Base", "1d@../../etc/passwd", "1d@Europe", "@UTC"]
)
def test_time_zones_that_are_none(bad: str) -> None:
    with pytest.raises(WindowSyntaxError):
        window_bounds(bad, 0.0)


@given(window=WINDOWS, now=NOW, anchor=st.one_of(st.just(0.0), st.floats(1, 4e9)), zone=st.sampled_from(ZONES))
def test_windows_tile_time(window: str, now: float, anchor: float, zone: str) -> None:
    if zone and parse(window).unit != "s":
        window = f"{window}@{zone}"
    start, end = window_bounds(window, now, anchor)
    assert start <= now < end
    assert window_bounds(window, end, anchor)[0] == end
    assert window_bounds(window, start, anchor) == (start, end)
    assert 0 < end - start <= 1.2 * seconds(window) + 7200


@given(st.integers(0, 50), st.integers(0, 100), st.integers(0, 100), st.floats(0.0, 1.0))
def test_a_sliding_window_admits_from_then_on_and_not_before(free: int, kept: int, before: int, at: float) -> None:
    start, end = 600.0, 660.0
    opens = admitted_at(free, kept, before, (start, end))
    assert start <= opens <= 2 * end - start
    now = start + 2 * (end - start) * at
    in_next = now >= end
    counted = (0, kept) if in_next else (kept, before)
    last = 2 * end - start if in_next else end
    used = counted[0] + counted[1] * (last - now) / (end - start)
    assert used <= free + 1e-6 if now >= opens else used >= free - 1e-6
    assert admitted_at(-1, kept, before, (start, end)) == math.inf
