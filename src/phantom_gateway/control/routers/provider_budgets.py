"""``/provider/budgets``: what providers may cost, and what they have cost."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from phantom_gateway.control.answers import subjects as answers
from phantom_gateway.control.configured_budgets import provider_budgets
from phantom_gateway.control.guard import route, services_of
from phantom_gateway.control.policy.actions import Action


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["budgets"])
    route(routes, "GET", "/provider/budgets", Action.BUDGET_READ, budgets, answer=answers.ProviderBudgets)
    return routes


async def budgets(request: Request) -> dict[str, Any]:
    """All configured budgets of providers (``router_settings.provider_budget_config``)."""
    services = services_of(request)
    snapshot = services.configuration.snapshot
    return await services.database.read(lambda connection: provider_budgets(connection, snapshot, services.clock()))
