"""Activity by day with its breakdowns: one answer for users, teams, tags, organisations and customers.

Days are paged, never rows: a day that is shown is complete, and the totals are those of the whole range. Breakdowns by key are of
the dearest keys of the range; how many there are in all is said beside.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.spending import figures, people
from phantom_gateway.control.spending.periods import date
from phantom_gateway.store import rollups
from phantom_gateway.store.rollup_tables import CALLED
from phantom_gateway.store.rollups import CUSTOMERS, PLAIN, Metrics, Question, Sum

JsonObject = dict[str, Any]
KEYS = 100
"""Keys of the aggregated answer, unless ``api_key_limit`` says otherwise."""
PAGE_KEYS = 25
"""Keys of a page."""
NESTED_KEYS = 5
"""Keys shown within each model, provider, ...: the dearest of the range."""
ENTITIES = 50
"""Teams, users, ... shown: the dearest of what is on the page."""
_BREAKDOWNS = {"models": 0, "model_groups": 1, "providers": 2, "endpoints": 3}
"""Breakdowns, and where in ``CALLED`` their value is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What is wanted of the answer. ``entity``: the column whose values are ``entities``."""

    entity: str
    keys: int = PAGE_KEYS
    page: int = 1
    page_size: int = 0
    """Days on a page; 0 = all days."""


def answer(connection: sa.Connection, question: Question, shown: Shown) -> JsonObject:
    """``SpendAnalyticsPaginatedResponse``."""
    total = rollups.total(connection, question)
    days = rollups.days_of(connection, question)[::-1]
    size = shown.page_size or max(len(days), 1)
    mine = days[(shown.page - 1) * size : shown.page * size]
    pages = max(-(-len(days) // size), 1)
    top = rollups.top(connection, question, "key_id", shown.keys)
    about: JsonObject = {"page": shown.page, "total_pages": pages, "has_more": shown.page < pages}
    about |= {"api_key_limit": shown.keys, "total_api_keys": rollups.distinct(connection, question, "key_id")}
    results = _days(connection, question, shown, (mine, top)) if mine else []
    return {"results": results, "metadata": figures.metadata(total) | about}


def _days(
    connection: sa.Connection, question: Question, shown: Shown, chosen: tuple[list[int], list[str]]
) -> list[JsonObject]:
    days, top = chosen
    part = replace(question, first=min(days), last=max(days))
    models = _by_day(rollups.sums(connection, part, CALLED, days=True))
    keys = _by_day(rollups.sums(connection, _only(part, "key_id", top), ("key_id",), days=True))
    nested_keys = _only(part, "key_id", top[:NESTED_KEYS])
    nested: dict[int, list[Sum]] = {}
    if part.family != CUSTOMERS or part.only.get("name"):  # all customers' models and keys together are too many
        nested = _by_day(rollups.sums(connection, nested_keys, ("key_id", *CALLED), days=True))
    entities, entity_keys, labels = _entities(connection, part, nested_keys, shown.entity)
    named = people.of_keys(connection, top)
    found = []
    for day in days:
        breakdown: JsonObject = {"mcp_servers": {}}
        for name, position in _BREAKDOWNS.items():
            inner = _nested(nested.get(day, ()), position + 1, named)
            sums = figures.by(models.get(day, ()), position)
            breakdown[name] = {
                _shown(name, value): _entry(metrics, {}, inner.get(value, {}))
                for value, metrics in sums.items()
                if value
            }
        breakdown["api_keys"] = {
            each.group[0]: {"metrics": figures.metrics(each.metrics), "metadata": named[each.group[0]]}
            for each in keys.get(day, ())
        }
        inner = _nested(entity_keys.get(day, ()), 1, named)
        breakdown["entities"] = {
            each.group[0]: _entry(each.metrics, labels.get(each.group[0], {}), inner.get(each.group[0], {}))
            for each in entities.get(day, ())
        }
        metrics = figures.merged(each.metrics for each in models.get(day, ()))
        found.append({"date": date(day), "metrics": figures.metrics(metrics), "breakdown": breakdown})
    return found


def _entities(
    connection: sa.Connection, part: Question, nested_keys: Question, column: str
) -> tuple[dict[int, list[Sum]], dict[int, list[Sum]], dict[str, JsonObject]]:
    ids = rollups.top(connection, part, column, ENTITIES)
    some = _only(part, column, ids)
    sums = _by_day(rollups.sums(connection, some, (column,), days=True))
    keys: dict[int, list[Sum]] = {}
    if part.family == PLAIN or column in part.only:  # tags and customers without a filter are too many
        keys = _by_day(rollups.sums(connection, _only(nested_keys, column, ids), ("key_id", column), days=True))
    return sums, keys, people.of_entities(connection, column, ids)


def _only(question: Question, column: str, values: Sequence[str]) -> Question:
    return replace(question, only={**question.only, column: values})


def _by_day(sums: Iterable[Sum]) -> dict[int, list[Sum]]:
    found: dict[int, list[Sum]] = {}
    for each in sums:
        found.setdefault(each.day, []).append(each)
    return found


def _shown(breakdown: str, value: str) -> str:
    return figures.endpoint(value) if breakdown == "endpoints" else value


def _nested(sums: Iterable[Sum], position: int, named: dict[str, JsonObject]) -> dict[str, JsonObject]:
    """By value: ``api_key_breakdown``. The key comes first in the groups."""
    groups: dict[tuple[str, str], list[Metrics]] = {}
    for each in sums:
        groups.setdefault((each.group[position], each.group[0]), []).append(each.metrics)
    found: dict[str, JsonObject] = {}
    for (value, key_id), each_sum in groups.items():
        entry = {"metrics": figures.metrics(figures.merged(each_sum)), "metadata": named.get(key_id, {})}
        found.setdefault(value, {})[key_id] = entry
    return found


def _entry(metrics: Metrics, about: JsonObject, keys: JsonObject) -> JsonObject:
    return {"metrics": figures.metrics(metrics), "metadata": about, "api_key_breakdown": keys}
