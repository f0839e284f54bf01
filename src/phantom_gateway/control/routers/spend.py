"""``/spend/*``: the spend log."""

from __future__ import annotations

from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse

from phantom_gateway.control.answers import logs as answers
from phantom_gateway.control.guard import reach_of, route, services_of
from phantom_gateway.control.keys.references import id_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.spend_view import summary, view
from phantom_gateway.control.spending.log_query import cursor as place_of
from phantom_gateway.control.spending.log_query import cursor_text, moment
from phantom_gateway.control.spending.periods import period
from phantom_gateway.store import rollups, spend_logs
from phantom_gateway.store.rollups import Question, Sum
from phantom_gateway.store.spend_logs import LogFilter
from phantom_gateway.store.tables import REQUESTS

DEFAULT_LIMIT = 1000
MAX_LIMIT = 10_000
NEXT_CURSOR = "x-phantom-next-cursor"


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["spend"])
    route(routes, "GET", "/spend/logs", Action.SPEND_READ, logs, answer=list[answers.LogRow] | list[answers.LogDay])
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

    With both dates and ``summarize`` (the default) the answer is one aggregate per UTC day, as in LiteLLM; both days are
    included. Beyond LiteLLM: at
    most ``limit`` rows are returned, and where more follow, the header ``x-phantom-next-cursor`` holds the ``cursor`` of the
    next page.
    """
    services = services_of(request)
    key_id = None
    if api_key:
        now, hasher = services.clock(), services.hasher
        key_id = await services.database.read(lambda connection: id_of(connection, hasher, api_key, now))
    since = None if start_date is None else moment("start_date", start_date)
    until = None if end_date is None else moment("end_date", end_date, end=True)
    if summarize and start_date and end_date and request_id is None:
        return await _summary(request, (start_date, end_date), key_id, user_id)
    reach = reach_of(request).where(
        user=REQUESTS.c.user_id, team=REQUESTS.c.team_id, org=REQUESTS.c.org_id, key=REQUESTS.c.key_id
    )
    wanted = LogFilter(request_id=request_id, key_id=key_id, user_id=user_id, since=since, until=until, reach=(reach,))
    before = None if cursor is None else place_of(cursor)
    rows = await services.database.read(lambda connection: spend_logs.page(connection, wanted, before, limit + 1))
    headers = {}
    if len(rows) > limit:
        rows = rows[:limit]
        headers[NEXT_CURSOR] = cursor_text((rows[-1]["started_at"], rows[-1]["row_id"])) or ""
    return JSONResponse([view(row) for row in rows], headers=headers)


async def _summary(request: Request, days: tuple[str, str], key_id: str | None, user_id: str | None) -> JSONResponse:
    services = services_of(request)
    asked = period(*days, services.clock())
    only = {"key_id": [key_id] if key_id else [], "user_id": [user_id] if user_id is not None else []}
    far = reach_of(request)
    question = Question(
        first=asked.first,
        last=asked.last,
        only={name: values for name, values in only.items() if values},
        reach=None if far.everything else far.where(**rollups.owners()),
    )

    def query(connection: sa.Connection) -> tuple[list[Sum], list[Sum]]:
        users = rollups.costs(connection, question, ("user_id",), days=True)
        return users, rollups.costs(connection, question, ("model_group",), days=True)

    return JSONResponse(summary(*await services.database.read(query)))
