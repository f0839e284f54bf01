"""``/cost/estimate`` and ``/spend/calculate``: prices applied to what was not, or not here, called."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from phantom_gateway.control.answers import served as answers
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.estimates.costs import estimate_view
from phantom_gateway.control.estimates.fields import CostEstimate, SpendCalculate
from phantom_gateway.control.estimates.priced import find
from phantom_gateway.control.estimates.tokens import of_messages
from phantom_gateway.control.guard import caller_of, route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.ledger.money import cost, nano_to_usd
from phantom_gateway.ledger.usage import Usage, from_openai

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["costs"])
    route(routes, "POST", "/cost/estimate", Action.MODEL_READ, estimate, answer=answers.CostParts)
    route(routes, "POST", "/spend/calculate", Action.MODEL_READ, calculate, answer=answers.Cost)
    return routes


async def estimate(request: Request, body: CostEstimate) -> JsonObject:
    """What a request with so many tokens costs, and so many of them a day or month."""
    return estimate_view(body, find(services_of(request), caller_of(request).key, body.model))


async def calculate(request: Request, body: SpendCalculate) -> JsonObject:
    """The cost of an answer by its usage, or of messages by the estimated size of their input."""
    if (body.messages is None) == (body.completion_response is None):
        raise bad_field("messages", "give either messages or completion_response")
    answer = body.completion_response or {}
    model = body.model or answer.get("model")
    if not isinstance(model, str) or not model:
        raise bad_field("model", "is required")
    if body.messages is not None:
        usage = Usage(input=of_messages(body.messages), output=0, source="estimated")
    else:
        given = answer.get("usage")
        if not isinstance(given, dict):
            raise bad_field("completion_response.usage", "is required")
        usage = from_openai(given)
    priced = find(services_of(request), caller_of(request).key, model)
    return {"cost": nano_to_usd(cost(usage, priced.prices).total)}
