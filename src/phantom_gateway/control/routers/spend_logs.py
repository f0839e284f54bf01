"""``/spend/logs/v2`` (also ``/spend/logs/ui``): the spend log as the UI searches it."""

from __future__ import annotations

from functools import partial
from inspect import Parameter
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from phantom_gateway.control.answers import logs as answers
from phantom_gateway.control.answers.base import Reply
from phantom_gateway.control.errors import bad_field, not_found, too_many
from phantom_gateway.control.guard import caller_of, reach_of, refuse_changed, route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.queries import Parameters, Values, taking
from phantom_gateway.control.spend_view import view
from phantom_gateway.control.spending import facets
from phantom_gateway.control.spending.key_names import key_ids
from phantom_gateway.control.spending.live import Tail, TailResponse
from phantom_gateway.control.spending.log_query import DAYS, FILTERS, PAGES, Filters, cursor_text
from phantom_gateway.control.spending.log_query import cursor as cursor_of
from phantom_gateway.control.timestamps import iso
from phantom_gateway.ledger.money import nano_to_usd
from phantom_gateway.store import log_search, log_sessions, rollups
from phantom_gateway.store.log_search import MAX_OFFSET, SORTS, Search
from phantom_gateway.store.tables import REQUESTS

JsonObject = dict[str, Any]
LIVE = Reply(text="Events `rows` with new requests, the newest first, and `end`.", media="text/event-stream")
_FAR = "2199-01-01"
_LIVE: Parameters = {"seconds": (Annotated[int, Query(ge=0, le=3600)], Parameter.empty)}


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["spend"])
    for path in ("/spend/logs/v2", "/spend/logs/ui"):
        route(
            routes,
            "GET",
            path,
            Action.SPEND_READ,
            taking(search, DAYS | FILTERS | PAGES),
            answer=answers.LogSearch,
        )
    route(
        routes,
        "GET",
        "/spend/logs/facets",
        Action.SPEND_READ,
        taking(log_facets, DAYS | FILTERS),
        answer=answers.LogFacets,
    )
    route(routes, "GET", "/spend/logs/live", Action.SPEND_READ, taking(live, _LIVE | FILTERS), answer=LIVE)
    route(routes, "GET", "/spend/logs/session/ui", Action.SPEND_READ, session, answer=answers.LogPage)
    route(routes, "GET", "/spend/logs/ui/{request_id}", Action.SPEND_READ, detail, answer=answers.LogRow)
    return routes


def own_rows(request: Request) -> sa.ColumnElement[bool] | None:
    """What the caller may see of the log; ``None`` = everything."""
    far = reach_of(request)
    if far.everything:
        return None
    table = REQUESTS.c
    return far.where(user=table.user_id, team=table.team_id, org=table.org_id, key=table.key_id)


async def search(request: Request, query: Values) -> JSONResponse:
    """Rows that match all filters, a page at a time; with ``group_by_session`` sessions, each by its newest request.

    Beyond LiteLLM: ``next_cursor`` is the ``cursor`` of the next page, however deep; ``total_is_exact`` is false when there may be
    more rows than ``total``. Pages by number end at 10,000 rows. Health checks are not in the log.
    """
    wanted = await _wanted(request, query)
    sort_by, page, page_size, cursor = query["sort_by"], query["page"], query["page_size"], query["cursor"]
    session_cursor = query["session_cursor"]
    if sort_by not in SORTS:
        raise bad_field("sort_by", f"must be one of {', '.join(SORTS)}")
    offset, ascending = (page - 1) * page_size, query["sort_order"] == "asc"
    if cursor is None and offset > MAX_OFFSET:
        raise bad_field("page", f"pages by number end at row {MAX_OFFSET}; go on with cursor (next_cursor)")
    if cursor is not None and sort_by != "startTime":
        raise bad_field("cursor", "goes with sort_by=startTime only")
    place = None if cursor is None else cursor_of(cursor)
    if query["group_by_session"]:
        if page != 1 or cursor is not None or sort_by != "startTime" or ascending:
            wrong = "page" if page != 1 else "cursor" if cursor is not None else "sort_by"
            raise bad_field(wrong, "sessions come newest first, page by page with session_cursor (next_session_cursor)")
        return await _sessions(request, wanted, session_cursor, page_size)
    if session_cursor is not None:
        raise bad_field("session_cursor", "goes with group_by_session=true only")

    def found_page(connection: sa.Connection) -> JsonObject:
        if sort_by == "startTime" and place is None and offset == 0 and not ascending:
            found, total = log_search.first(connection, wanted, page_size)
        else:
            total = log_search.count(connection, wanted)
            if sort_by != "startTime":
                rows = log_search.sorted_by(connection, wanted, (sort_by, ascending), (offset, page_size))
                found = log_search.Page(rows, None)
            elif place is not None or offset == 0:
                found = log_search.page(connection, wanted, place, page_size, ascending=ascending)
            else:
                found = log_search.numbered(connection, wanted, (offset, page_size), ascending=ascending)
        return {
            "data": [view(row) for row in found.rows],
            "total": total.rows,
            "total_is_exact": total.exact,
            "page": page,
            "page_size": page_size,
            "total_pages": -(-total.rows // page_size),
            "next_cursor": cursor_text(found.cursor),
        }

    return JSONResponse(await services_of(request).database.read(found_page))


async def log_facets(request: Request, query: Values) -> JsonObject:
    """The values of the filtered log with how many requests each, to filter on. A facet's own filter does not narrow it.

    `exact` is false when the counts are those of the newest 15,000 requests.
    """
    status_filter = query["status_filter"]
    wanted = await _wanted(request, {**query, "status_filter": None})
    if status_filter not in (None, "", "success", "failure"):
        raise bad_field("status_filter", "must be success or failure")
    return await services_of(request).database.read(
        lambda connection: facets.facets(connection, wanted, status_filter or "")
    )


async def live(request: Request, query: Values) -> Response:
    """Requests as they are taken in, for at most `seconds`: server-sent events. Ends with the session. Raises ApiError 429."""
    services, caller = services_of(request), caller_of(request).key.id
    given = {**query, "start_date": "2000-01-01", "end_date": _FAR}
    tail = Tail(
        database=services.database,
        search=await _wanted(request, given),
        still=partial(refuse_changed, request),
        clock=services.clock,
        seconds=query["seconds"],
        shared=services.database.database.shared,
    )
    if not services.tails.enter(caller):
        raise too_many("There are too many live views open; close one, or look at the log page by page.")
    return TailResponse(tail.events(), partial(services.tails.leave, caller))


async def _wanted(request: Request, values: JsonObject) -> Search:
    api_key = values.get("api_key")
    (key_id,) = await key_ids(request, [api_key]) if api_key else [None]
    far = reach_of(request)
    return Filters(values, key_id).search(own_rows(request), None if far.everything else far.where(**rollups.owners()))


async def _sessions(request: Request, wanted: Search, after: str | None, size: int) -> JSONResponse:
    place = None if after is None else cursor_of(after, "session_cursor")
    found = await services_of(request).database.read(
        lambda connection: log_sessions.page(connection, wanted, place, size)
    )
    data = [
        {
            **view(each.newest),
            "session_total_count": each.requests,
            "session_total_spend": nano_to_usd(each.cost_nano),
            "session_start_time": iso(each.began_at / 1e6),
        }
        for each in found.sessions
    ]
    return JSONResponse(
        {
            "data": data,
            "total": len(data),
            "total_is_exact": place is None and found.cursor is None,
            "page": 1,
            "page_size": size,
            "total_pages": 1,
            "next_session_cursor": cursor_text(found.cursor),
        }
    )


async def session(
    request: Request,
    session_id: Annotated[str, Query(min_length=1, max_length=1024)],
    page: Annotated[int, Query(ge=1, le=1000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=1000)] = 50,
) -> JSONResponse:
    """The requests of a session, the oldest first."""
    wanted = Search(since=0, until=1 << 62, equal={"session_id": session_id}, reach=own_rows(request))

    def query(connection: sa.Connection) -> JsonObject:
        total = log_search.count(connection, wanted).rows
        window = ((page - 1) * page_size, page_size)
        found = log_search.numbered(connection, wanted, window, ascending=True)
        pages = -(-total // page_size)
        data = [view(row) for row in found.rows]
        return {"data": data, "total": total, "page": page, "page_size": page_size, "total_pages": pages}

    return JSONResponse(await services_of(request).database.read(query))


async def detail(
    request: Request, request_id: str, start_date: str | None = None, end_date: str | None = None
) -> JSONResponse:
    """One request. The dates, which LiteLLM needs to find it, are not needed."""
    del start_date, end_date
    own = own_rows(request)
    row = await services_of(request).database.read(lambda connection: log_search.one(connection, request_id, own))
    if row is None:
        raise not_found("No such request in the spend log.", "request_id")
    return JSONResponse(view(row))
