from __future__ import annotations

from datetime import UTC, datetime

import pytest

from phantom_gateway.config.cron import parse_cron


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("expression", "yes", "no"),
    [
        ("* * * * *", "2031-03-04T05:06:59", ""),
        ("0 4 * * *", "2031-03-04T04:00:10", "2031-03-04T04:01:00"),
        ("*/15 0-6/2 * * *", "2031-03-04T02:45", "2031-03-04T03:45"),
        ("5/20 * * * *", "2031-03-04T02:45", "2031-03-04T02:40"),
        ("1,2,9 * * * *", "2031-03-04T02:09", "2031-03-04T02:03"),
        ("0 0 1 1 *", "2031-01-01T00:00", "2031-02-01T00:00"),
        ("0 0 * * 0", "2031-03-02T00:00", "2031-03-03T00:00"),
        ("0 0 * * 7", "2031-03-02T00:00", "2031-03-03T00:00"),
        ("0 0 * * 5-7", "2031-03-02T00:00", "2031-03-03T00:00"),
        ("0 0 13 * 0", "2031-03-02T00:00", "2031-03-03T00:00"),
        ("0 0 13 * 0", "2031-03-13T00:00", "2031-03-14T00:00"),
        ("0 0 */2 * 0", "2031-03-09T00:00", "2031-03-16T00:00"),
    ],
)
def test_minutes_that_match(expression: str, yes: str, no: str) -> None:
    cron = parse_cron(expression)
    assert cron.matches(at(yes))
    assert not no or not cron.matches(at(no))


@pytest.mark.parametrize(
    "text",
    ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-3 * * * *",
     "*/0 * * * *", "a * * * *", "@daily", "1,,2 * * * *", "*-3 * * * *", "-1 * * * *"],
)  # fmt: skip
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be five fields|is no part|is not within"):
        parse_cron(text)
