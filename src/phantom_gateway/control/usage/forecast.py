"""What the present pace comes to: by the end of the month, or of a budget's window."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.spending.periods import DAY, date
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import rollups
from phantom_gateway.store.rollups import Question

JsonObject = dict[str, Any]
PACE_DAYS = 7
"""Whole days whose mean is the pace."""


def of_month(connection: sa.Connection, question: Question, now: float) -> JsonObject:
    """``answers.usage.Forecast`` of the calendar month (UTC); the question's own days do not matter."""
    today = int(now) // DAY
    first, last = month_of(now)
    pace_first = today - PACE_DAYS
    days = rollups.sums(connection, replace(question, first=min(first, pace_first), last=today), days=True)
    amounts = {each.day: each.metrics.cost_nano for each in days}
    spent = sum(amount for day, amount in amounts.items() if day >= first)
    pace = sum(amounts.get(day, 0) for day in range(pace_first, today)) / PACE_DAYS
    left_of_today = max(pace * (1 - now % DAY / DAY), 0)
    projected = spent + left_of_today + pace * (last - today)
    return {
        "start_date": date(first),
        "end_date": date(last),
        "spent": nano_to_usd(spent),
        "a_day": nano_to_usd(round(pace)),
        "projected": nano_to_usd(round(projected)),
        "days": {
            "spend": [nano_to_usd(amounts.get(day, 0)) for day in range(first, today + 1)],
            "projected": [nano_to_usd(round(pace)) for _ in range(today + 1, last + 1)],
        },
    }


def month_of(now: float) -> tuple[int, int]:
    """First and last day of the month, days since the epoch."""
    moment = datetime.fromtimestamp(now, UTC)
    start = datetime(moment.year, moment.month, 1, tzinfo=UTC)
    end = datetime(moment.year + moment.month // 12, moment.month % 12 + 1, 1, tzinfo=UTC)
    return int(start.timestamp()) // DAY, int(end.timestamp()) // DAY - 1
