"""``/<kind>/daily/activity`` and what belongs to it, for users, teams, tags, organisations, customers and agents.

The routes differ in the names of their filters only, so their signatures are made from data.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import Parameter
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from phantom_gateway.control.answers import spending as answers
from phantom_gateway.control.answers.base import Reply
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import reach_of, route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.queries import Values, taking
from phantom_gateway.control.spending import activity, activity_parts
from phantom_gateway.control.spending.activity import Shown
from phantom_gateway.control.spending.key_names import key_ids
from phantom_gateway.control.spending.periods import DAY, period
from phantom_gateway.store import rollups
from phantom_gateway.store.rollup_tables import HOURLY
from phantom_gateway.store.rollups import CUSTOMERS, MAX_VALUES, PLAIN, TAGS, Question

T = TypeVar("T")
Answer = Callable[["Asked"], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Family:
    """Whose activity it is: the route, the filters, the column of the entity."""

    name: str
    entity: str
    wanted: str
    unwanted: str = ""
    kinds: tuple[str, ...] = PLAIN
    page_size: int = 10


FAMILIES = (
    Family("user", "user_id", "user_id", page_size=50),
    Family("team", "team_id", "team_ids", "exclude_team_ids"),
    Family("organization", "org_id", "organization_ids", "exclude_organization_ids"),
    Family("tag", "name", "tags", kinds=TAGS),
    Family("customer", "name", "end_user_ids", "exclude_end_user_ids", kinds=CUSTOMERS),
    Family("agent", "name", "agent_ids", "exclude_agent_ids"),
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    request: Request
    family: Family
    query: Values

    @property
    def nothing(self) -> bool:
        """There are no agents here, so nothing was spent by any."""
        return self.family.name == "agent"

    async def question(self) -> Question:
        """What is asked of the sums. Raises ApiError 400."""
        query = self.query
        now = services_of(self.request).clock()
        days = period(query["start_date"], query["end_date"], now, query["timezone"])
        only = {"model": [query["model"]] if query["model"] else []}
        only["key_id"] = await key_ids(self.request, _split("api_key", query["api_key"]))
        only[self.family.entity] = _split(self.family.wanted, query[self.family.wanted])
        without = _split(self.family.unwanted, query.get(self.family.unwanted))
        if self.family.kinds == PLAIN and not only[self.family.entity]:
            without.append("")  # the activity of teams is what teams did; that of everybody is /global/activity
        last = days.last
        if query.get("include_current_utc_day") and last == int(now) // DAY - 1:
            last += 1
        far = reach_of(self.request)
        return Question(
            first=days.first,
            last=last,
            offset_hours=days.offset_hours if HOURLY.intersection(self.family.kinds) else 0,
            family=PLAIN if self.nothing else self.family.kinds,
            only={name: values for name, values in only.items() if values and not self.nothing},
            without={self.family.entity: without} if without and not self.nothing else {},
            reach=sa.false() if self.nothing else None if far.everything else far.where(**rollups.owners()),
        )

    async def read(self, query: Callable[[sa.Connection], T]) -> T:
        """The answer of the database."""
        return await services_of(self.request).database.read(query)


Text = Annotated[str | None, Query(max_length=20_000)]
_COMMON: dict[str, tuple[Any, Any]] = {
    "start_date": (str | None, None),
    "end_date": (str | None, None),
    "model": (str | None, None),
    "api_key": (Text, None),
    "timezone": (int | None, None),
}
_KEYS = (Annotated[int, Query(ge=1, le=1000)], activity.KEYS)
_LIMIT = Annotated[int, Query(ge=1, le=500)]
EXPORTED = Reply(200, list[answers.ExportRow], text="All rows; as CSV unless `format=json`.", other="text/csv")


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["spend"])
    for family in FAMILIES:
        base = f"/{family.name}/daily/activity"
        page = Annotated[int, Query(ge=1, le=100_000)]
        size = Annotated[int, Query(ge=1, le=1000)]
        parts: tuple[tuple[str, Answer, Any, dict[str, tuple[Any, Any]]], ...] = (
            ("", paged, answers.Activity, {"page": (page, 1), "page_size": (size, family.page_size)}),
            ("/aggregated", aggregated, answers.Activity, {"api_key_limit": _KEYS}),
            ("/aggregated/keys", keys, answers.ActivityKeyPage, {
                "offset": (Annotated[int, Query(ge=0, le=10**6)], 0), "limit": (_LIMIT, 50),
            }),
            ("/aggregated/search", search, answers.ActivityKeys, {
                "search": (Annotated[str, Query(min_length=1, max_length=255)], Parameter.empty), "limit": (_LIMIT, 100),
            }),
            ("/aggregated/model_top_keys", model_top_keys, answers.ActivityOfModel, {
                "model_group": (str, Parameter.empty), "by_model_group": (bool, True), "limit": (_LIMIT, 5),
            }),
            ("/export", export, EXPORTED, {
                "export_type": (Literal["daily", "daily_with_keys", "daily_with_models", "daily_with_users"], "daily"),
                "format": (Literal["csv", "json"], "csv"),
            }),
        )  # fmt: skip
        for path, asked, answer, parameters in parts:
            route(routes, "GET", base + path, Action.SPEND_READ, _handler(family, asked, parameters), answer=answer)
    return routes


async def paged(asked: Asked) -> Response:
    """Days newest first, ``page_size`` days on a page; the totals are those of the whole range."""
    shown = Shown(entity=asked.family.entity, page=asked.query["page"], page_size=asked.query["page_size"])
    question = await asked.question()
    return _json(await asked.read(lambda connection: activity.answer(connection, question, shown)))


async def aggregated(asked: Asked) -> Response:
    """All days of the range at once."""
    shown, question = Shown(entity=asked.family.entity, keys=asked.query["api_key_limit"]), await asked.question()
    return _json(await asked.read(lambda connection: activity.answer(connection, question, shown)))


async def keys(asked: Asked) -> Response:
    """The keys of the range, the dearest first."""
    offset, limit, question = asked.query["offset"], asked.query["limit"], await asked.question()
    return _json(await asked.read(lambda connection: activity_parts.keys_page(connection, question, offset, limit)))


async def search(asked: Asked) -> Response:
    """Keys by a part of their id or alias."""
    text, limit, question = asked.query["search"], asked.query["limit"], await asked.question()
    return _json(await asked.read(lambda connection: activity_parts.keys_search(connection, question, text, limit)))


async def model_top_keys(asked: Asked) -> Response:
    """The dearest keys of one model."""
    query, question = asked.query, await asked.question()
    group, limit = query["by_model_group"], query["limit"]
    return _json(
        await asked.read(
            lambda connection: activity_parts.model_top_keys(
                connection, question, query["model_group"], group=group, limit=limit
            )
        )
    )


async def export(asked: Asked) -> Response:
    """All rows as a file. Raises ApiError 400 when they are too many."""
    entity, kind, question = asked.family.entity, asked.query["export_type"], await asked.question()
    found = await asked.read(lambda connection: activity_parts.export(connection, question, entity, kind))
    if found is None:
        raise bad_field("end_date", f"the export would have more than {activity_parts.MAX_EXPORT} rows")
    rows = activity_parts.export_rows(found, entity, kind)
    if asked.query["format"] == "json":
        return StreamingResponse(activity_parts.json_of(rows), media_type="application/json")
    name = f'attachment; filename="{asked.family.name}_{kind}.csv"'
    return StreamingResponse(
        activity_parts.csv_of(rows), media_type="text/csv; charset=utf-8", headers={"content-disposition": name}
    )


def _handler(family: Family, answer: Answer, parameters: dict[str, tuple[Any, Any]]) -> Callable[..., Any]:
    own: dict[str, tuple[Any, Any]] = {family.wanted: (Text, None)}
    if family.unwanted:
        own[family.unwanted] = (Text, None)
    if family.name == "user":
        own["include_current_utc_day"] = (bool, False)

    async def asked(request: Request, query: Values) -> Response:
        return await answer(Asked(request, family, query))

    asked.__doc__ = answer.__doc__
    return taking(asked, own | _COMMON | parameters, f"{family.name}_activity_{answer.__name__}")


def _json(content: Values) -> Response:
    # Megabytes of small numbers: the usual encoder would take longer than the database.
    return Response(msgspec.json.encode(content), media_type="application/json")


def _split(name: str, text: str | None) -> list[str]:
    values = [part.strip() for part in (text or "").split(",") if part.strip()]
    if len(values) > MAX_VALUES:
        raise bad_field(name, f"must not name more than {MAX_VALUES}")
    return values
