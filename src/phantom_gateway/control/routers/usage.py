"""``/usage/*``: what was used by any dimension and by time, what it leads to, and what it would have been elsewhere."""

from __future__ import annotations

from inspect import Parameter
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request

from phantom_gateway.control.answers import usage as answers
from phantom_gateway.control.estimates.costs import per_token
from phantom_gateway.control.estimates.priced import find
from phantom_gateway.control.guard import caller_of, route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import Reach, reach
from phantom_gateway.control.queries import Values, taking
from phantom_gateway.control.usage import attention, budgets, forecast
from phantom_gateway.control.usage.questions import COLUMNS, PARAMETERS, By, asked
from phantom_gateway.control.usage.report import Wanted, overview, report
from phantom_gateway.control.usage.what_if import what_if
from phantom_gateway.store import rollups
from phantom_gateway.store.tables import KEYS
from phantom_gateway.store.tenancy_tables import ORGANIZATIONS, TEAMS, USERS

JsonObject = dict[str, Any]
SHOWN = 12
_READS = {
    "key": Action.KEY_READ,
    "user": Action.USER_READ,
    "team": Action.TEAM_READ,
    "organization": Action.ORG_READ,
    "project": Action.PROJECT_READ,
    "customer": Action.CUSTOMER_READ,
    "tag": Action.TAG_READ,
}
_NAMED = {
    "api_key": "key",
    "team_id": "team",
    "organization_id": "organization",
    "user_id": "user",
    "project_id": "project",
    "customer": "customer",
    "tag": "tag",
}
"""Filters that name somebody with a budget."""


_REPORT: dict[str, tuple[Any, Any]] = {
    "by": (By | None, None),
    "compare": (Literal["previous", "year", "none"], "previous"),
    "order": (Literal["spend", "requests", "tokens"], "spend"),
    "offset": (Annotated[int, Query(ge=0, le=10_000)], 0),
    "limit": (Annotated[int, Query(ge=1, le=100)], 10),
}
_OVERVIEW: dict[str, tuple[Any, Any]] = {name: _REPORT[name] for name in ("compare", "order", "limit")}
_SHOWN_BY = ("model", "team", "key", "provider")
_INSTEAD: dict[str, tuple[Any, Any]] = {
    "instead": (Annotated[str, Query(min_length=1, max_length=256)], Parameter.empty)
}


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["usage"])
    asked_of_sums = (
        ("report", taking(report_of, PARAMETERS | _REPORT), answers.UsageReport),
        ("overview", taking(overview_of, PARAMETERS | _OVERVIEW), answers.UsageOverview),
        ("forecast", taking(forecast_of, PARAMETERS), answers.Forecast),
        ("what_if", taking(what_if_of, PARAMETERS | _INSTEAD), answers.WhatIf),
    )
    for name, handler, answer in asked_of_sums:
        route(routes, "GET", f"/usage/{name}", Action.SPEND_READ, handler, answer=answer)
    route(routes, "GET", "/usage/attention", Action.KEY_READ, attention_of, answer=answers.Attention)
    return routes


async def report_of(request: Request, query: Values) -> JsonObject:
    """Usage of the days by a dimension: groups in order, each with its days, and the same of the period before.

    Groups are at most ``limit`` from ``offset`` on; what they leave of the totals is everything else. Days are days of UTC.
    """
    question = await asked(request, query, query["by"] or "")
    how = Wanted(**{name: query[name] for name in ("compare", "order", "offset", "limit")})
    return await services_of(request).database.read(lambda connection: report(connection, question, how))


async def overview_of(request: Request, query: Values) -> JsonObject:
    """Usage of the days by model, team, key and provider: of each the greatest `limit` groups, and one set of totals."""
    question = await asked(request, query)
    how, columns = Wanted(**{name: query[name] for name in _OVERVIEW}), {by: COLUMNS[by] for by in _SHOWN_BY}
    read = services_of(request).database.read
    return await read(lambda connection: overview(connection, question.question, columns, how))


async def forecast_of(request: Request, query: Values) -> JsonObject:
    """What the pace of the last seven days comes to at the end of the month; and the budget of who is asked for."""
    question, services = await asked(request, query), services_of(request)
    now, named = services.clock(), _somebody(query, question.question)

    def read(connection: sa.Connection) -> JsonObject:
        found = forecast.of_month(connection, question.whole, now)
        used = None if named is None else budgets.one(connection, *named, _own(request, named[0]), now)
        return {**found, "budget": None if used is None else used.view(now)}

    return await services.database.read(read)


async def what_if_of(request: Request, query: Values) -> JsonObject:
    """What the same tokens would have cost on another model, by the model they were used on. Raises ApiError 404."""
    question, services = await asked(request, query), services_of(request)
    priced = find(services, caller_of(request).key, query["instead"])
    sums = await services.database.read(lambda connection: rollups.sums(connection, question.whole, ("model_group",)))
    prices = per_token(priced.prices)
    return {
        "model": query["instead"],
        "provider": priced.provider,
        "input_cost_per_token": prices["input_cost_per_token"],
        "output_cost_per_token": prices["output_cost_per_token"],
        **what_if(sums, priced.prices),
    }


async def attention_of(request: Request) -> JsonObject:
    """Budgets with the largest shares used, keys that were never used, and secrets that are old; at most 30 seconds ago."""
    services = services_of(request)
    now, keys = services.clock(), _own(request, "key")
    credentials = not reach(caller_of(request).actor, Action.CREDENTIAL_READ).nothing
    reaches = {kind: _far(request, kind) for kind in _READS}

    def query(connection: sa.Connection) -> JsonObject:
        used = [
            each
            for kind, far in reaches.items()
            if not far.nothing
            for each in budgets.fullest(connection, kind, _own(request, kind), now, SHOWN)
        ]
        used.sort(key=lambda each: (-each.share, each.kind, each.id))
        return {
            "budgets": [each.view(now) for each in used[:SHOWN]],
            "unused_keys": attention.unused(connection, keys, now),
            "old_keys": attention.unrotated(connection, keys, now),
            "old_credentials": attention.old_credentials(connection, now) if credentials else [],
        }

    # Whoever reaches the same is shown the same: of 100,000 budgets the fullest are not found in no time.
    whose = (credentials, *reaches.values())
    return await services.remembered.get(whose, now, lambda: services.database.read(query))


def _somebody(query: Values, question: rollups.Question) -> tuple[str, str] | None:
    """Whom alone the question is about."""
    named = [(kind, str(query[name])) for name, kind in _NAMED.items() if query[name]]
    if len(named) != 1:
        return None
    return ("key", question.only["key_id"][0]) if named[0][0] == "key" else named[0]


def _far(request: Request, kind: str) -> Reach:
    return reach(caller_of(request).actor, _READS[kind])


def _own(request: Request, kind: str) -> sa.ColumnElement[bool] | None:
    """Which entities of a kind the caller may see, as a condition on their table; ``None``: all."""
    far = _far(request, kind)
    if far.everything:
        return None
    if kind == "key":
        return far.where(user=KEYS.c.user_id, team=KEYS.c.team_id, org=KEYS.c.org_id, key=KEYS.c.id)
    if kind == "user":
        return far.where_users(USERS.c.id)
    if kind == "team":
        return far.where(team=TEAMS.c.id, org=TEAMS.c.org_id)
    if kind == "organization":
        return far.where(org=ORGANIZATIONS.c.id)
    if kind == "project":
        return far.where(team=budgets.TABLES["project"].c.team_id)
    return sa.false()
