"""``/global/spend/*``, ``/global/activity*``, ``/*/spend/report`` and their like: reports over what the caller reaches."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, Literal, TypeVar

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from phantom_gateway.control.answers import spending as answers
from phantom_gateway.control.entities.fields import Body
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import reach_of, route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.spending import reports
from phantom_gateway.control.spending.key_names import key_ids
from phantom_gateway.control.spending.periods import date, period_or_all
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import rollups
from phantom_gateway.store.rollups import CUSTOMERS, MAX_VALUES, TAGS, Question

T = TypeVar("T")
Text = Annotated[str | None, Query(max_length=20_000)]
Handler = Callable[..., Coroutine[Any, Any, JSONResponse]]
Limit = Annotated[int, Query(ge=1, le=1000)]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["spend"])
    everybody: tuple[tuple[str, Handler, Any], ...] = (
        ("/global/spend", total, answers.SpendTotal),
        ("/global/spend/keys", keys, list[answers.SpendOfKey]),
        ("/global/spend/models", models, list[answers.SpendOfModel]),
        ("/global/spend/teams", teams, answers.TeamSpend),
        ("/global/spend/provider", providers, list[answers.SpendOfProvider]),
        ("/global/spend/logs", logs, list[answers.SpendOfDay]),
        ("/global/spend/tags", tags, list[answers.SpendOfTag]),
        ("/global/spend/all_tag_names", tag_names, answers.TagNamesSeen),
        ("/global/spend/report", report, list[answers.TeamDay] | list[answers.CustomerDay] | list[answers.KeyCost]),
        ("/global/activity", activity, answers.DailyActivity),
        ("/global/activity/model", model_activity, list[answers.ModelActivity]),
        ("/tag/distinct", distinct_tags, answers.DistinctTags),
    )
    own: tuple[tuple[str, Handler, Any], ...] = (
        ("/spend/tags", tags, list[answers.SpendOfTag]),
        ("/spend/keys", keys, list[answers.SpendOfKey]),
        ("/spend/users", users, list[answers.SpendOfUser]),
        ("/tag/summary", tag_summary, answers.TagSummary),
        ("/key/spend/report", key_report, list[answers.KeyCost]),
        ("/user/spend/report", user_report, list[answers.UserCost]),
        ("/team/spend/report", team_report, list[answers.TeamCost]),
        ("/organization/spend/report", organization_report, list[answers.OrganizationCost]),
        ("/team/spend/by_user", team_users, answers.TeamUsers),
    )
    for path, handler, answer in everybody:
        route(routes, "GET", path, Action.SPEND_GLOBAL, handler, answer=answer)
    customers = list[answers.SpendOfCustomer]
    route(routes, "POST", "/global/spend/end_users", Action.SPEND_GLOBAL, end_users, answer=customers)
    for path, handler, answer in own:
        route(routes, "GET", path, Action.SPEND_READ, handler, answer=answer)
    return routes


async def total(request: Request) -> JSONResponse:
    """What everybody has ever spent, and the budget of the whole gateway (``litellm_settings.max_budget``; 0: none)."""
    services = services_of(request)
    budget = services.configuration.snapshot.settings.budget
    question = Question(first=0, last=int(services.clock()) // 86_400 + 1)
    found = await _read(request, lambda connection: rollups.total(connection, question))
    return JSONResponse(
        {"spend": nano_to_usd(found.cost_nano), "max_budget": nano_to_usd(budget.amount if budget else 0)}
    )


async def keys(
    request: Request, limit: Limit = 100, start_date: str | None = None, end_date: str | None = None
) -> JSONResponse:
    """The dearest keys."""
    question = _question(request, start_date, end_date)
    return JSONResponse(await _read(request, lambda connection: reports.keys(connection, question, limit)))


async def users(
    request: Request,
    user_id: str | None = None,
    limit: Limit = 100,
    start_date: str | None = None,
    end_date: str | None = None,
) -> JSONResponse:
    """The dearest users."""
    question = _question(request, start_date, end_date, only={"user_id": [user_id] if user_id else []})
    found = await _read(request, lambda connection: reports.listed(connection, question, "user_id", "user_id", limit))
    return JSONResponse([{**row, "spend": row["total_spend"]} for row in found])


async def models(
    request: Request, limit: Limit = 100, start_date: str | None = None, end_date: str | None = None
) -> JSONResponse:
    """The dearest models."""
    question = _question(request, start_date, end_date)
    return JSONResponse(
        await _read(request, lambda connection: reports.listed(connection, question, "model_group", "model", limit))
    )


async def teams(request: Request, start_date: str | None = None, end_date: str | None = None) -> JSONResponse:
    """Spend of teams by day."""
    question = _question(request, start_date, end_date)
    return JSONResponse(await _read(request, lambda connection: reports.teams(connection, question)))


async def providers(
    request: Request, start_date: str | None = None, end_date: str | None = None, api_key: Text = None
) -> JSONResponse:
    """Spend by provider."""
    question = _question(request, start_date, end_date, only=await _keys(request, api_key))
    found = await _read(request, lambda connection: reports.listed(connection, question, "provider", "provider", 1000))
    return JSONResponse([{"provider": row["provider"], "spend": row["total_spend"]} for row in found])


async def logs(
    request: Request, api_key: Text = None, start_date: str | None = None, end_date: str | None = None
) -> JSONResponse:
    """Spend by day."""
    question = _question(request, start_date, end_date, only=await _keys(request, api_key))
    return JSONResponse(await _read(request, lambda connection: reports.by_day(connection, question)))


async def tags(
    request: Request, start_date: str | None = None, end_date: str | None = None, tags: Text = None
) -> JSONResponse:
    """Requests and spend by tag. A request counts with each of its tags."""
    question = _question(request, start_date, end_date, family=TAGS, only={"name": _split("tags", tags)})
    return JSONResponse(await _read(request, lambda connection: reports.tags(connection, question)))


async def tag_names(request: Request) -> JSONResponse:
    """All tags that requests had."""
    found = await _read(request, lambda connection: rollups.names(connection, "tags", 10_000))
    return JSONResponse({"tag_names": found})


async def distinct_tags(request: Request) -> JSONResponse:
    """The same as objects."""
    found = await _read(request, lambda connection: rollups.names(connection, "tags", 10_000))
    return JSONResponse({"results": [{"tag": tag} for tag in found]})


async def tag_summary(
    request: Request, start_date: str, end_date: str, tag_filter: Text = None, tag_filters: Text = None
) -> JSONResponse:
    """Users, requests, tokens and spend by tag."""
    wanted = [*_split("tag_filter", tag_filter), *_split("tag_filters", tag_filters)]
    question = _question(request, start_date, end_date, family=TAGS, only={"name": wanted})
    found = await _read(request, lambda connection: reports.tag_summary(connection, question))
    return JSONResponse({"results": found})


class EndUsers(Body):
    """Body of ``/global/spend/end_users``."""

    api_key: str | None = None
    startTime: str | None = None  # noqa: N815  LiteLLM's name
    endTime: str | None = None  # noqa: N815


async def end_users(request: Request, body: EndUsers) -> JSONResponse:
    """The dearest customers."""
    only = await _keys(request, body.api_key)
    question = _question(request, body.startTime, body.endTime, family=CUSTOMERS, only=only)
    return JSONResponse(await _read(request, lambda connection: reports.customers(connection, question)))


async def activity(request: Request, start_date: str | None = None, end_date: str | None = None) -> JSONResponse:
    """Requests and tokens by day."""
    question = _question(request, start_date, end_date)
    found = await _read(request, lambda connection: rollups.sums(connection, question, days=True))
    return JSONResponse(reports.activity(found))


async def model_activity(request: Request, start_date: str | None = None, end_date: str | None = None) -> JSONResponse:
    """The same by model."""
    question = _question(request, start_date, end_date)
    return JSONResponse(await _read(request, lambda connection: reports.model_activity(connection, question)))


async def report(
    request: Request,
    start_date: str | None = None,
    end_date: str | None = None,
    group_by: Literal["team", "customer", "api_key"] = "team",
    api_key: Text = None,
    internal_user_id: Text = None,
    team_id: Text = None,
    customer_id: Text = None,
) -> JSONResponse:
    """Spend by day and team or customer, or by key."""
    only = await _keys(request, api_key)
    only |= {"user_id": _split("internal_user_id", internal_user_id), "team_id": _split("team_id", team_id)}
    if group_by == "customer" or customer_id:
        only["name"] = _split("customer_id", customer_id)
        question = _question(request, start_date, end_date, family=CUSTOMERS, only=only)
        names = ("name", ("customers", "customer"))
    else:
        question, names = _question(request, start_date, end_date, only=only), ("team_id", ("teams", "team_name"))

    def query(connection: sa.Connection) -> list[dict[str, Any]]:
        if group_by == "api_key":
            return reports.by_entity(connection, question, "key_id", "api_key")
        return reports.grouped_by_day(connection, question, *names)

    return JSONResponse(await _read(request, query))


async def key_report(
    request: Request, start_date: str | None = None, end_date: str | None = None, api_key: Text = None
) -> JSONResponse:
    """Spend by key and model."""
    question = _question(request, start_date, end_date, only=await _keys(request, api_key))
    return await _by_entity(request, question, "key_id", "api_key")


async def user_report(
    request: Request, start_date: str | None = None, end_date: str | None = None, internal_user_id: Text = None
) -> JSONResponse:
    """Spend by user and model."""
    only = {"user_id": _split("internal_user_id", internal_user_id)}
    return await _by_entity(request, _question(request, start_date, end_date, only=only), "user_id", "user_id")


async def team_report(
    request: Request, start_date: str | None = None, end_date: str | None = None, team_id: Text = None
) -> JSONResponse:
    """Spend by team and model."""
    only = {"team_id": _split("team_id", team_id)}
    return await _by_entity(request, _question(request, start_date, end_date, only=only), "team_id", "team_id")


async def organization_report(
    request: Request, start_date: str | None = None, end_date: str | None = None, organization_id: Text = None
) -> JSONResponse:
    """Spend by organisation and model."""
    only = {"org_id": _split("organization_id", organization_id)}
    return await _by_entity(request, _question(request, start_date, end_date, only=only), "org_id", "organization_id")


async def team_users(
    request: Request, team_ids: Text = None, start_date: str | None = None, end_date: str | None = None
) -> JSONResponse:
    """What members spent through their teams."""
    question = _question(request, start_date, end_date, only={"team_id": _split("team_ids", team_ids)})
    found = await _read(request, lambda connection: reports.team_users(connection, question))
    return JSONResponse({"start_date": date(question.first), "end_date": date(question.last), "results": found})


async def _by_entity(request: Request, question: Question, column: str, label: str) -> JSONResponse:
    return JSONResponse(await _read(request, lambda connection: reports.by_entity(connection, question, column, label)))


async def _read(request: Request, query: Callable[[sa.Connection], T]) -> T:
    return await services_of(request).database.read(query)


def _question(
    request: Request,
    start: str | None,
    end: str | None,
    *,
    family: tuple[str, ...] = rollups.PLAIN,
    only: dict[str, list[str]] | None = None,
) -> Question:
    """The last 30 days when no dates are given, as far as the caller reaches. Raises ApiError 400."""
    days = period_or_all(start, end, services_of(request).clock())
    far = reach_of(request)
    reach = None if far.everything else far.where(**rollups.owners())
    wanted = {name: values for name, values in (only or {}).items() if values}
    return Question(first=days.first, last=days.last, family=family, only=wanted, reach=reach)


async def _keys(request: Request, api_key: str | None) -> dict[str, list[str]]:
    return {"key_id": await key_ids(request, _split("api_key", api_key))}


def _split(name: str, text: str | None) -> list[str]:
    values = [part.strip() for part in (text or "").split(",") if part.strip()]
    if len(values) > MAX_VALUES:
        raise bad_field(name, f"must not name more than {MAX_VALUES}")
    return values
