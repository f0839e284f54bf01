"""``/model/metrics*``, ``/global/activity/exceptions*`` and their like: how fast models answer, what fails, who is active."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request

from phantom_gateway.control.guard import route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.spending import failures, latency
from phantom_gateway.control.spending.active_users import ActiveUsers, active_users
from phantom_gateway.control.spending.cache_hits import CacheActivity, cache_activity
from phantom_gateway.control.spending.key_names import key_ids
from phantom_gateway.control.spending.periods import DAY, period_or_all
from phantom_gateway.store import rollups
from phantom_gateway.store.rollups import CUSTOMERS, MAX_VALUES, PLAIN, Question
from phantom_gateway.store.tables import KEYS, REQUESTS

JsonObject = dict[str, Any]
T = TypeVar("T")
Text = Annotated[str | None, Query(max_length=1024)]
Names = Annotated[list[str] | None, Query(max_length=MAX_VALUES)]
Selected = Annotated[str | None, Query(alias="_selected_model_group", max_length=256)]
DAYS = 7
"""Of metrics where no dates are given, as in LiteLLM."""
MOST_CUSTOMERS = 10_000


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["analytics"])
    every = Action.SPEND_GLOBAL
    route(routes, "GET", "/model/metrics", every, metrics, answer=latency.ByDay)
    route(routes, "GET", "/model/streaming_metrics", every, streaming_metrics, answer=latency.ByDay)
    route(routes, "GET", "/model/metrics/slow_responses", every, slow_responses, answer=list[latency.SlowModel])
    route(routes, "GET", "/model/metrics/exceptions", every, exceptions, answer=failures.Exceptions)
    limited, deployments = failures.RateLimited, list[failures.RateLimitedDeployment]
    route(routes, "GET", "/global/activity/exceptions", every, rate_limited, answer=limited)
    route(routes, "GET", "/global/activity/exceptions/deployment", every, rate_limited_deployments, answer=deployments)
    route(routes, "GET", "/global/activity/cache_hits", every, cache_hits, answer=CacheActivity)
    route(routes, "GET", "/global/all_end_users", every, all_end_users, answer=dict[str, list[str]])
    route(routes, "GET", "/tag/dau", every, daily_users, answer=ActiveUsers)
    route(routes, "GET", "/tag/wau", every, weekly_users, answer=ActiveUsers)
    route(routes, "GET", "/tag/mau", every, monthly_users, answer=ActiveUsers)
    return routes


async def metrics(
    request: Request,
    model: Selected = None,
    startTime: str | None = None,  # noqa: N803  LiteLLM's name
    endTime: str | None = None,  # noqa: N803
    api_key: Text = None,
    customer: Text = None,
) -> JsonObject:
    """Seconds per output token, by day and model; the last 7 days when no dates are given."""
    question = await _asked(request, (startTime, endTime), model, api_key, customer)
    return await _read(request, lambda connection: latency.per_token(connection, question))


async def streaming_metrics(
    request: Request,
    model: Selected = None,
    startTime: str | None = None,  # noqa: N803
    endTime: str | None = None,  # noqa: N803
) -> JsonObject:
    """Seconds to the first byte of a stream, by day and model."""
    question = await _asked(request, (startTime, endTime), model)
    return await _read(request, lambda connection: latency.first_byte(connection, question))


async def slow_responses(
    request: Request,
    model: Selected = None,
    startTime: str | None = None,  # noqa: N803
    endTime: str | None = None,  # noqa: N803
    api_key: Text = None,
    customer: Text = None,
) -> list[JsonObject]:
    """How many answers took 300 seconds or more (`alerting_threshold`), of the newest 100,000 within the days, by model."""
    question = await _asked(request, (startTime, endTime), model, api_key, customer)
    only = _on_requests(question)
    return await _read(request, lambda connection: latency.slow(connection, question, latency.SLOW_SECONDS, only))


async def exceptions(
    request: Request,
    model: Selected = None,
    startTime: str | None = None,  # noqa: N803
    endTime: str | None = None,  # noqa: N803
    api_key: Text = None,
    customer: Text = None,
) -> JsonObject:
    """Failures by model and type of error."""
    question = await _asked(request, (startTime, endTime), model, api_key, customer)
    days, only = (question.first, question.last), _on_requests(question)
    return await _read(request, lambda connection: failures.by_type(connection, days, only))


async def rate_limited(
    request: Request, model_group: Text = None, start_date: str | None = None, end_date: str | None = None
) -> JsonObject:
    """Answers with status 429 by day."""
    question = await _asked(request, (start_date, end_date), model_group, days=30)
    days, only = (question.first, question.last), _on_requests(question)
    return await _read(request, lambda connection: failures.rate_limited(connection, days, only))


async def rate_limited_deployments(
    request: Request, model_group: Text = None, start_date: str | None = None, end_date: str | None = None
) -> list[JsonObject]:
    """The same by deployment."""
    question = await _asked(request, (start_date, end_date), model_group, days=30)
    days, only = (question.first, question.last), _on_requests(question)
    return await _read(request, lambda connection: failures.rate_limited_deployments(connection, days, only))


async def cache_hits(
    request: Request,
    start_date: str | None = None,
    end_date: str | None = None,
    key_aliases: Names = None,
    models: Names = None,
) -> JsonObject:
    """What the gateway's cache has answered, and what providers have."""
    everything = await _asked(request, (start_date, end_date), days=30)

    def query(connection: sa.Connection) -> JsonObject:
        only: dict[str, list[str]] = {}
        if key_aliases:
            named = sa.select(KEYS.c.id).where(KEYS.c.alias.in_(key_aliases))
            only["key_id"] = list(connection.execute(named).scalars()) or [""]
        if models:
            only["model_group"] = models
        question = Question(first=everything.first, last=everything.last, only=only)
        return cache_activity(connection, question, everything)

    return await _read(request, query)


async def all_end_users(request: Request) -> JsonObject:
    """Every customer that requests have named, at most 10,000, in order."""
    found = await _read(request, lambda connection: rollups.names(connection, "customers", MOST_CUSTOMERS))
    return {"end_users": found}


async def daily_users(request: Request, tag_filter: Text = None, tag_filters: Names = None) -> JsonObject:
    """Users by tag on each of the last 7 days."""
    return await _active(request, 1, tag_filter, tag_filters)


async def weekly_users(request: Request, tag_filter: Text = None, tag_filters: Names = None) -> JsonObject:
    """Users by tag in each of the last 7 weeks."""
    return await _active(request, 7, tag_filter, tag_filters)


async def monthly_users(request: Request, tag_filter: Text = None, tag_filters: Names = None) -> JsonObject:
    """Users by tag in each of the last 7 periods of 30 days."""
    return await _active(request, 30, tag_filter, tag_filters)


async def _active(request: Request, length: int, tag: str | None, tags: list[str] | None) -> JsonObject:
    today = int(services_of(request).clock()) // DAY
    wanted = [*([tag] if tag else []), *(tags or [])]
    return await _read(request, lambda connection: active_users(connection, today, length, wanted))


async def _read(request: Request, query: Callable[[sa.Connection], T]) -> T:
    return await services_of(request).database.read(query)


async def _asked(
    request: Request,
    dates: tuple[str | None, str | None],
    model: str | None = None,
    api_key: str | None = None,
    customer: str | None = None,
    *,
    days: int = DAYS,
) -> Question:
    """Raises ApiError 400."""
    found = period_or_all(*dates, services_of(request).clock(), days)
    only: dict[str, list[str]] = {}
    if model:
        only["model_group"] = [model]
    if api_key:
        only["key_id"] = await key_ids(request, [api_key])
    if customer:
        only["name"] = [customer]
    return Question(first=found.first, last=found.last, family=CUSTOMERS if customer else PLAIN, only=only)


def _on_requests(question: Question) -> sa.ColumnElement[bool]:
    """The question's filters as a condition on the rows of ``requests``."""
    columns = {"model_group": REQUESTS.c.model_group, "key_id": REQUESTS.c.key_id, "name": REQUESTS.c.end_user}
    return sa.and_(sa.true(), *[columns[name].in_(values) for name, values in question.only.items()])
