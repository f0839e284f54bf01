"""LiteLLM's older reports, from the same sums as everything else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from phantom_gateway.control.spending import figures, people
from phantom_gateway.control.spending.periods import date
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import rollups
from phantom_gateway.store.rollups import Metrics, Question, Sum
from phantom_gateway.store.tables import KEYS

JsonObject = dict[str, Any]
TOP = 100
"""Groups a report lists, the dearest first."""
DETAILED_KEYS = 50
"""Keys whose models a report by day lists; its totals are of all."""


def listed(connection: sa.Connection, question: Question, column: str, label: str, limit: int) -> list[JsonObject]:
    """``[{label, total_spend}]``, the dearest first."""
    found = rollups.costs(connection, question, (column,), limit=limit)
    return [{label: each.group[0], "total_spend": nano_to_usd(each.metrics.cost_nano)} for each in found]


def keys(connection: sa.Connection, question: Question, limit: int) -> list[JsonObject]:
    """The dearest keys, with their names."""
    found = listed(connection, question, "key_id", "api_key", limit)
    names = sa.select(KEYS.c.id, KEYS.c.key_name, KEYS.c.alias).where(KEYS.c.id.in_([row["api_key"] for row in found]))
    known = {row.id: row for row in connection.execute(names)}
    for row in found:
        key = known.get(row["api_key"])
        row |= {"key_name": key.key_name if key else None, "key_alias": key.alias if key else None}
    return found


def tags(connection: sa.Connection, question: Question) -> list[JsonObject]:
    """``[{individual_request_tag, log_count, total_spend}]``."""
    return [
        {
            "individual_request_tag": each.group[0],
            "log_count": each.metrics.requests,
            "total_spend": nano_to_usd(each.metrics.cost_nano),
        }
        for each in rollups.sums(connection, question, ("name",), limit=1000)
    ]


def tag_summary(connection: sa.Connection, question: Question) -> list[JsonObject]:
    """``TagSummaryMetrics`` of the dearest tags."""
    found = rollups.sums(connection, question, ("name",), limit=TOP)
    chosen = replace(question, only={**question.only, "name": [each.group[0] for each in found]})
    users: dict[str, int] = {}
    for tag, user in rollups.groups(connection, chosen, ("name", "user_id")):
        users[tag] = users.get(tag, 0) + bool(user)
    return [
        {
            "tag": each.group[0],
            "unique_users": users.get(each.group[0], 0),
            "total_requests": each.metrics.requests,
            "successful_requests": each.metrics.successes,
            "failed_requests": each.metrics.failures,
            "total_tokens": each.metrics.total_tokens,
            "total_spend": nano_to_usd(each.metrics.cost_nano),
        }
        for each in found
    ]


def customers(connection: sa.Connection, question: Question) -> list[JsonObject]:
    """``[{end_user, total_count, total_spend}]``."""
    return [
        {
            "end_user": each.group[0],
            "total_count": each.metrics.requests,
            "total_spend": nano_to_usd(each.metrics.cost_nano),
        }
        for each in rollups.sums(connection, question, ("name",), limit=TOP)
    ]


def by_day(connection: sa.Connection, question: Question) -> list[JsonObject]:
    """``[{date, spend}]``."""
    return [
        {"date": date(each.day), "spend": nano_to_usd(each.metrics.cost_nano)}
        for each in rollups.costs(connection, question, (), days=True)
    ]


def teams(connection: sa.Connection, question: Question) -> JsonObject:
    """Spend of the dearest teams, by day and in all."""
    found = [each for each in rollups.costs(connection, question, ("team_id",), limit=TOP) if each.group[0]]
    ids = [each.group[0] for each in found]
    aliases = people.of_entities(connection, "team_id", ids)
    names = {each: aliases[each]["team_alias"] or each for each in ids}
    days: dict[int, JsonObject] = {}
    chosen = replace(question, only={**question.only, "team_id": ids})
    for each in rollups.costs(connection, chosen, ("team_id",), days=True):
        row = days.setdefault(each.day, {"date": date(each.day)})
        row[names[each.group[0]]] = nano_to_usd(each.metrics.cost_nano)
    totals = [{"team_id": names[each.group[0]], "total_spend": nano_to_usd(each.metrics.cost_nano)} for each in found]
    return {"daily_spend": list(days.values()), "teams": list(names.values()), "total_spend_per_team": totals}


def activity(sums: Sequence[Sum]) -> JsonObject:
    """Requests and tokens by day, and in all."""
    days = [
        {"date": date(each.day), "api_requests": each.metrics.requests, "total_tokens": each.metrics.total_tokens}
        for each in sums
    ]
    return {
        "daily_data": days,
        "sum_api_requests": sum(each.metrics.requests for each in sums),
        "sum_total_tokens": sum(each.metrics.total_tokens for each in sums),
    }


def model_activity(connection: sa.Connection, question: Question) -> list[JsonObject]:
    """The same for each model."""
    models: dict[str, list[Sum]] = {}
    for each in rollups.sums(connection, question, ("model_group",), days=True):
        models.setdefault(each.group[0], []).append(each)
    found: list[JsonObject] = [{"model": model, **activity(sums)} for model, sums in models.items()]
    return sorted(found, key=lambda row: row["sum_api_requests"], reverse=True)


def grouped_by_day(
    connection: sa.Connection, question: Question, column: str, names: tuple[str, str]
) -> list[JsonObject]:
    """By day: what each team or customer (``names``: of the list, of one) spent; models and keys of the dearest keys."""
    listing, label = names
    ids = rollups.top(connection, question, column, TOP)
    chosen = replace(question, only={**question.only, column: ids})
    aliases = people.of_entities(connection, column, ids)
    days: dict[int, dict[str, JsonObject]] = {}
    for each in rollups.costs(connection, chosen, (column,), days=True):
        name, spend = each.group[0], nano_to_usd(each.metrics.cost_nano)
        shown = aliases.get(name, {}).get("team_alias") or name
        days.setdefault(each.day, {})[name] = {label: shown, "total_spend": spend, "metadata": []}
    keys = replace(chosen, only={"key_id": rollups.top(connection, chosen, "key_id", DETAILED_KEYS), **chosen.only})
    for each in rollups.sums(connection, keys, (column, "model", "key_id"), days=True):
        name, model, key_id = each.group
        spend = nano_to_usd(each.metrics.cost_nano)
        detail = {"model": model, "spend": spend, "total_tokens": each.metrics.total_tokens, "api_key": key_id}
        days[each.day][name]["metadata"].append(detail)
    return [{"group_by_day": date(day), listing: list(rows.values())} for day, rows in days.items()]


def by_entity(connection: sa.Connection, question: Question, column: str, label: str) -> list[JsonObject]:
    """What each key, user, team or organisation spent, and on which models."""
    top = rollups.top(connection, question, column, TOP)
    chosen = replace(question, only={**question.only, column: top})
    found: dict[str, list[tuple[str, Metrics]]] = {name: [] for name in top}
    for each in rollups.sums(connection, chosen, (column, "model")):
        found[each.group[0]].append((each.group[1], each.metrics))
    return [
        {
            label: name,
            **_costs(figures.merged(metrics for _, metrics in models)),
            "model_details": [{"model": model, **_costs(metrics)} for model, metrics in models],
        }
        for name, models in found.items()
    ]


def team_users(connection: sa.Connection, question: Question) -> list[JsonObject]:
    """``TeamUserSpendRow``: what each member spent through each team."""
    found = [each for each in rollups.sums(connection, question, ("team_id", "user_id"), limit=1000) if each.group[0]]
    aliases = people.of_entities(connection, "team_id", [each.group[0] for each in found])
    users = people.of_entities(connection, "user_id", [each.group[1] for each in found])
    return [
        {
            "team_id": each.group[0],
            **aliases[each.group[0]],
            "user_id": each.group[1],
            **users[each.group[1]],
            **{
                name: value
                for name, value in figures.metrics(each.metrics).items()
                if name in ("spend", "prompt_tokens", "completion_tokens", "total_tokens", "api_requests")
                or name.endswith("ful_requests")
                or name == "failed_requests"
            },
        }
        for each in found
    ]


def _costs(metrics: Metrics) -> JsonObject:
    return {
        "total_cost": nano_to_usd(metrics.cost_nano),
        "total_input_tokens": metrics.prompt_tokens,
        "total_output_tokens": metrics.completion_tokens,
    }
