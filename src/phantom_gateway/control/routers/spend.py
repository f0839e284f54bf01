"""``/spend/*``: the spend log."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import reach_of, route, services_of
from phantom_gateway.control.keys.references import id_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.spend_view import summary, view
from phantom_gateway.control.timestamps import is_date, parse
from phantom_gateway.store import spend_logs
from phantom_gateway.store.spend_logs import DAY_US, LogFilter
from phantom_gateway.store.tables import REQUESTS

DEFAULT_LIMIT = 1000
MAX_LIMIT = 10_000
NEXT_CURSOR = "x-phantom-next-cursor"


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["spend"])
    route(routes, "GET", "/spend/logs", Action.SPEND_READ, logs)
    return routes


async def logs(
    request: Request,
    request_id: str | None = None,
    api_key: Annotated[str | None, Query(max_length=1024)] = None,
    user_id: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    summarize: bool = True,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: str | None = None,
) -> JSONResponse:
    """Rows of the spend log, newest first, as far as the caller reaches.

    With both dates and ``summarize`` (the default) the answer is one aggregate per day, as in LiteLLM. Beyond LiteLLM: at
    most ``limit`` rows are returned, and where more follow, the header ``x-phantom-next-cursor`` holds the ``cursor`` of the
    next page.
    """
    services = services_of(request)
    key_id = None
    if api_key:
        now, hasher = services.clock(), services.hasher
        key_id = await services.database.read(lambda connection: id_of(connection, hasher, api_key, now))
    since, until = _moment("start_date", start_date), _moment("end_date", end_date, end=True)
    reach = reach_of(request).where(
        user=REQUESTS.c.user_id, team=REQUESTS.c.team_id, org=REQUESTS.c.org_id, key=REQUESTS.c.key_id
    )
    wanted = LogFilter(request_id=request_id, key_id=key_id, user_id=user_id, since=since, until=until, reach=(reach,))
    if summarize and since is not None and until is not None and request_id is None:
        days = await services.database.read(lambda connection: spend_logs.by_day(connection, wanted))
        return JSONResponse(summary(days))
    before = None if cursor is None else _cursor(cursor)
    rows = await services.database.read(lambda connection: spend_logs.page(connection, wanted, before, limit + 1))
    headers = {}
    if len(rows) > limit:
        rows = rows[:limit]
        headers[NEXT_CURSOR] = f"{rows[-1]['started_at']}.{rows[-1]['row_id']}"
    return JSONResponse([view(row) for row in rows], headers=headers)


def _moment(name: str, text: str | None, *, end: bool = False) -> int | None:
    """Unix microseconds; the end of a day when ``end`` is a date."""
    if text is None:
        return None
    try:
        moment = int(parse(text) * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise bad_field(name, str(error)) from error
    return moment + DAY_US if end and is_date(text) else moment


MAX_INTEGER = (1 << 63) - 1
"""The largest integer that databases take."""


def _cursor(text: str) -> tuple[int, int]:
    started, _, row_id = text.partition(".")
    if not (started.isascii() and started.isdigit() and row_id.isascii() and row_id.isdigit() and len(text) < 40):
        raise bad_field("cursor", "is not one of ours")
    cursor = int(started), int(row_id)
    if max(cursor) > MAX_INTEGER:
        raise bad_field("cursor", "is not one of ours")
    return cursor
