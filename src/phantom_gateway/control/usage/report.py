"""Any dimension by time: totals, groups, days, and the same of another period."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.spending import figures as dashboards
from phantom_gateway.control.spending import people
from phantom_gateway.control.spending.periods import date
from phantom_gateway.control.usage import figures
from phantom_gateway.control.usage.questions import Asked, before
from phantom_gateway.store import latency_sample, rollups
from phantom_gateway.store.rollups import CUSTOMERS, Metrics, Question, Sum
from phantom_gateway.store.spread import Spread
from phantom_gateway.store.tables import REQUESTS

JsonObject = dict[str, Any]
_NOTHING = Spread({}, {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What of an answer is wanted."""

    compare: str = "previous"
    order: str = "spend"
    offset: int = 0
    limit: int = 10


def report(connection: sa.Connection, asked: Asked, wanted: Wanted) -> JsonObject:
    """``answers.usage.UsageReport``."""
    answer = {**_head(connection, asked.whole, wanted), "groups": [], "more": False}
    if asked.column:
        groups, more = _groups(connection, asked, wanted)
        previous = before(asked.question, wanted.compare)
        answer |= {"groups": _shown(connection, asked, groups, previous), "more": more}
    return answer


def overview(
    connection: sa.Connection, question: Question, dimensions: Mapping[str, str], wanted: Wanted
) -> JsonObject:
    """``answers.usage.UsageOverview``: the same by several dimensions at once, with one set of totals. By name the columns."""
    earlier = before(question, wanted.compare)
    groups = {}
    for name, column in dimensions.items():
        asked = Asked(question, column)
        groups[name] = _shown(connection, asked, _groups(connection, asked, wanted)[0], earlier, sample=False)
    return {**_head(connection, question, wanted), "by": groups}


def _head(connection: sa.Connection, whole: Question, wanted: Wanted) -> JsonObject:
    earlier = before(whole, wanted.compare)
    answer: JsonObject = {
        "start_date": date(whole.first),
        "end_date": date(whole.last),
        "total": _total(connection, whole),
        "days": figures.by_day(rollups.sums(connection, whole, days=True), whole.first, whole.last),
        "compared_with": None,
        "previous": None,
    }
    if earlier is not None:
        answer["compared_with"] = {"start_date": date(earlier.first), "end_date": date(earlier.last)}
        answer["previous"] = _total(connection, earlier)
    return answer


def _total(connection: sa.Connection, question: Question) -> JsonObject:
    models = rollups.sums(connection, question, ("model",))
    spreads = rollups.spreads(connection, question)
    spread = None if spreads is None else spreads.get((), _NOTHING)
    saved = sum(figures.saved_by_providers(each.metrics) for each in models)
    return figures.figures(dashboards.merged(each.metrics for each in models), spread, saved)


def _groups(connection: sa.Connection, asked: Asked, wanted: Wanted) -> tuple[list[Sum], bool]:
    window = (wanted.offset, wanted.limit + 1)
    found = rollups.ordered(connection, asked.question, asked.column, wanted.order, window)
    return found[: wanted.limit], len(found) > wanted.limit


def _shown(
    connection: sa.Connection, asked: Asked, groups: Sequence[Sum], earlier: Question | None, *, sample: bool = True
) -> list[JsonObject]:
    column, question = asked.column, asked.question
    ids = [each.group[0] for each in groups]
    if not ids:
        return []
    days: dict[str, list[Sum]] = {}
    for each in rollups.sums(connection, _only(question, column, ids), (column,), days=True):
        days.setdefault(each.group[0], []).append(each)
    past: dict[str, Metrics] = {}
    if earlier is not None:
        rows = rollups.sums(connection, _only(earlier, column, ids), (column,))
        past = {each.group[0]: each.metrics for each in rows}
    spreads, sampled = _spreads(connection, _only(question, column, ids), column, ids if sample else ())
    labels = _labels(connection, column, ids)
    return [
        {
            "id": each.group[0],
            "label": labels.get(each.group[0]),
            "figures": figures.figures(each.metrics, None if spreads is None else spreads.get(each.group, _NOTHING)),
            "sampled": sampled.get(each.group),
            "previous_spend": None if earlier is None else past.get(each.group[0], Metrics()).cost_nano / 1e9,
            "days": figures.by_day(days.get(each.group[0], ()), question.first, question.last),
        }
        for each in groups
    ]


def _spreads(
    connection: sa.Connection, question: Question, column: str, sampled: Sequence[str]
) -> tuple[dict[tuple[str, ...], Spread] | None, dict[tuple[str, ...], int]]:
    """How long answers took by group; where no counts are kept of ``sampled``, and of how many of the newest requests that is."""
    kept = rollups.spreads(connection, question, (column,))
    if kept is not None or not sampled:
        return kept, {}
    known = column in latency_sample.COLUMNS and (column == "name") == (question.family == CUSTOMERS)
    others = question.only.keys() - {column}
    if not known or question.reach is not None or others & {"model", "name"}:
        return None, {}
    wanted = [REQUESTS.c[name].in_(list(question.only[name])) for name in sorted(others)]
    days = question.first, question.last
    found = latency_sample.spreads(connection, column, [each for each in sampled if each], days, wanted)
    return {group: spread for group, (spread, _) in found.items()}, {
        group: count for group, (_, count) in found.items()
    }


def _labels(connection: sa.Connection, column: str, ids: Sequence[str]) -> dict[str, str | None]:
    if column == "call_type":
        return {each: dashboards.endpoint(each) for each in ids}
    if column == "key_id":
        return {key: about["key_alias"] for key, about in people.of_keys(connection, ids).items()}
    found = people.of_entities(connection, column, ids)
    return {name: next((str(each) for each in about.values() if each), None) for name, about in found.items()}


def _only(question: Question, column: str, values: Sequence[str]) -> Question:
    return replace(question, only={**question.only, column: values})
