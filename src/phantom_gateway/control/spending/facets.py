"""The values that a filtered log has, with how many requests each: filters to go on with.

Whole days with filters that the sums know are counted by the sums, exactly. Everything else is counted in the newest
``SCAN`` requests; then ``exact`` says whether that are all.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.spending import people
from phantom_gateway.store import log_search, rollups
from phantom_gateway.store.log_search import SUMMED, Search
from phantom_gateway.store.rollup_tables import DAY_US
from phantom_gateway.store.rollups import Facets, Question
from phantom_gateway.store.tables import REQUESTS

JsonObject = dict[str, Any]
SHOWN = 8
FACETS = {
    "model_group": "model_group",
    "provider": "provider",
    "api_key": "key_id",
    "team_id": "team_id",
    "user_id": "user_id",
}
"""Facets, and their columns."""


def facets(connection: sa.Connection, search: Search, status: str) -> JsonObject:
    """``answers.logs.LogFacets``; ``status``: ``success``, ``failure`` or empty, which ``search`` leaves to this."""
    if _is_summed(search):
        found, results, exact = *_summed(connection, search, status), True
    else:
        found, results, exact = _scanned(connection, search, status)
    labels = {column: people.of_entities(connection, column, [each for each, _ in found[column]]) for column in found}
    keys = people.of_keys(connection, [each for each, _ in found["key_id"]])
    answer: JsonObject = {
        "exact": exact,
        "status": [_value(name, None, results[name]) for name in ("success", "failure")],
    }
    for facet, column in FACETS.items():
        names = (
            {key: {"alias": about["key_alias"]} for key, about in keys.items()}
            if column == "key_id"
            else labels[column]
        )
        answer[facet] = [_value(each, _label(names.get(each, {})), count) for each, count in found[column] if each][
            :SHOWN
        ]
    return answer


def _is_summed(search: Search) -> bool:
    whole_days = search.since % DAY_US == 0 and search.until % DAY_US == 0
    return whole_days and not search.others and not search.failed and search.equal.keys() <= SUMMED


def _summed(connection: sa.Connection, search: Search, status: str) -> tuple[Facets, dict[str, int]]:
    only = {name: [value] for name, value in search.equal.items()}
    first, last = search.since // DAY_US, search.until // DAY_US - 1
    question = Question(first=first, last=last, only=only, reach=search.reach_of_sums)

    def narrowed(column: str) -> Question:
        return replace(question, only={name: values for name, values in only.items() if name != column})

    found = rollups.facets(connection, narrowed, list(FACETS.values()), status, SHOWN + 1)
    whole = rollups.counts(connection, question, (), 1)
    failed = sum(each.metrics.failures for each in whole)
    return found, {"success": sum(each.metrics.requests for each in whole) - failed, "failure": failed}


def _scanned(connection: sa.Connection, search: Search, status: str) -> tuple[Facets, dict[str, int], bool]:
    columns = [*(REQUESTS.c[column] for column in FACETS.values()), REQUESTS.c.status]
    rows, exact = log_search.newest(connection, search, columns)
    results = Counter("success" if row[-1] == "success" else "failure" for row in rows)
    chosen = [row for row in rows if not status or (row[-1] == "success") == (status == "success")]
    return {column: _most(row[n] for row in chosen) for n, column in enumerate(FACETS.values())}, results, exact


def _most(values: Iterable[str | None]) -> list[tuple[str, int]]:
    return Counter(each or "" for each in values).most_common(SHOWN)


def _label(about: JsonObject) -> str | None:
    return next((str(each) for each in about.values() if each), None)


def _value(value: str, label: str | None, count: int) -> JsonObject:
    return {"value": value, "label": label, "count": count}
