"""How many users have sent requests with a tag: by day, week and month (``/tag/dau``, ``/tag/wau``, ``/tag/mau``)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.answers.base import Answer
from phantom_gateway.control.spending.periods import date
from phantom_gateway.store import rollups
from phantom_gateway.store.rollups import TAGS, Question

JsonObject = dict[str, Any]
PERIODS = 7
"""How many days, weeks or months, the present one included."""


class ActiveUsersOfTag(Answer):
    """One tag in one period."""

    tag: str
    active_users: int
    date: str
    period_start: str | None
    period_end: str | None


class ActiveUsers(Answer):
    """LiteLLM's ``ActiveUsersAnalyticsResponse``."""

    results: list[ActiveUsersOfTag]


def active_users(connection: sa.Connection, today: int, length: int, tags: Sequence[str]) -> JsonObject:
    """Users by tag in each period of ``length`` days that ends ``today`` or before it, the newest first.

    Requests without a user are nobody's. ``tags`` empty: all.
    """
    found: list[JsonObject] = []
    for number in range(PERIODS):
        last = today - number * length
        first = max(last - length + 1, 0)
        question = Question(first=first, last=last, family=TAGS, only={"name": tags} if tags else {})
        users: dict[str, set[str]] = {}
        for tag, user in rollups.groups(connection, question, ("name", "user_id")):
            if user:
                users.setdefault(tag, set()).add(user)
        whole = length > 1
        found += [
            {
                "tag": tag,
                "active_users": len(users[tag]),
                "date": date(last),
                "period_start": date(first) if whole else None,
                "period_end": date(last) if whole else None,
            }
            for tag in sorted(users)
        ]
    return {"results": found}
