"""``/spend/corrections`` and ``/global/spend/reset``: what was spent is corrected by further rows, with a reason."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import Field
from starlette.responses import JSONResponse

from phantom_gateway.control.answers import logs as answers
from phantom_gateway.control.entities.fields import MAX_USD, Body, Text
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.spending import corrections
from phantom_gateway.control.spending.corrections import Wanted, correct, view
from phantom_gateway.control.spending.key_names import key_ids
from phantom_gateway.ledger.money import usd_to_nano
from phantom_gateway.store.corrections import listed


class CorrectionBody(Body):
    """What is corrected: a request by ``request_id``, or a key by ``api_key``; ``amount`` in dollars is added."""

    amount: Annotated[float, Field(ge=-MAX_USD, le=MAX_USD, allow_inf_nan=False)]
    reason: Annotated[Text, Field(min_length=1, max_length=1000)]
    api_key: Annotated[str | None, Field(max_length=1024)] = None
    request_id: Annotated[Text | None, Field(max_length=1024)] = None


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["spend"])
    route(routes, "POST", "/spend/corrections", Action.SPEND_RESET, make, answer=answers.CorrectionView)
    route(routes, "GET", "/spend/corrections", Action.SPEND_GLOBAL, find, answer=list[answers.CorrectionView])
    route(routes, "POST", "/global/spend/reset", Action.SPEND_RESET, reset, answer=answers.BudgetsReset)
    return routes


async def make(request: Request, body: CorrectionBody) -> JSONResponse:
    """Book a correction: a row of the log with call type ``correction``, counted in totals, dashboards and budgets."""
    if (body.api_key is None) == (body.request_id is None):
        raise bad_field("request_id", "give either request_id or api_key")
    amount = usd_to_nano(body.amount)
    if amount == 0:
        raise bad_field("amount", "must not be zero")
    key_id = None if body.api_key is None else (await key_ids(request, [body.api_key]))[0]
    wanted = Wanted(amount_nano=amount, reason=body.reason, key_id=key_id, request_id=body.request_id)
    return JSONResponse(await correct(writer_of(request), wanted))


async def find(request: Request, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> JSONResponse:
    """The newest corrections and resets, with their reasons."""
    made = await services_of(request).database.read(lambda connection: listed(connection, limit))
    return JSONResponse([view(each) for each in made])


async def reset(request: Request) -> JSONResponse:
    """Let the present window of every budget start anew. The log, the totals and the dashboards stay as they are."""
    count = await corrections.reset(writer_of(request))
    return JSONResponse(
        {"message": "Spend for all API Keys and Teams reset successfully", "status": "success", "budgets": count}
    )
