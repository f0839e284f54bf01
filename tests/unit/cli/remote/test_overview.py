from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from phantom_gateway.cli.remote.api import UsageError
from phantom_gateway.cli.remote.overview import BY, period, sums

TODAY = date(2026, 3, 31)


def metrics(spend: float, requests: int, alias: str | None = None) -> dict[str, Any]:
    found = {"metrics": {"spend": spend, "api_requests": requests, "total_tokens": 10 * requests}}
    return found | {"metadata": {"key_alias": alias}}


def test_days_are_added_up_and_the_rest_is_named() -> None:
    days = [
        metrics(3, 3) | {"breakdown": {"api_keys": {"k1": metrics(1, 1, "one"), "k2": metrics(2, 1)}}},
        metrics(4, 2) | {"breakdown": {"api_keys": {"k1": metrics(4, 2, "one")}}},
    ]
    assert [tuple(row.values()) for row in sums({"results": days}, BY["key"])] == [
        ("one", 5, 3, 30), ("k2", 2, 1, 10), ("(none)", 0, 1, 10), ("TOTAL", 7, 5, 50),
    ]  # fmt: skip


def test_nothing_was_spent() -> None:
    assert [row["name"] for row in sums({"results": []}, BY["model"])] == ["TOTAL"]


def test_the_last_thirty_days_are_the_default() -> None:
    assert period(None, None, TODAY) == (date(2026, 3, 1), TODAY)
    assert period("2026-01-02", "2026-01-02", TODAY) == (date(2026, 1, 2), date(2026, 1, 2))


@pytest.mark.parametrize(("since", "until"), [("yesterday", None), ("2026-02-30", None), ("2026-03-02", "2026-03-01")])
def test_days_that_are_none(since: str | None, until: str | None) -> None:
    with pytest.raises(UsageError):
        period(since, until, TODAY)
