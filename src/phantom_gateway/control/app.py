"""The admin API as an application."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import FastAPI
from starlette.routing import BaseRoute

from phantom_gateway.control import errors
from phantom_gateway.control.no_store import NoStore
from phantom_gateway.control.routers import (
    access_groups,
    activity,
    analytics,
    approvals,
    audit,
    budgets,
    cache,
    config,
    corrections,
    costs,
    credentials,
    customers,
    effective,
    fallbacks,
    health,
    invitations,
    keys,
    models,
    openapi,
    organizations,
    pass_through,
    projects,
    provider_budgets,
    roles,
    sign_in,
    spend,
    spend_logs,
    spend_reports,
    tags,
    team_members,
    teams,
    ui,
    usage,
    users,
    utils,
)
from phantom_gateway.control.services import ControlServices

AREAS = (
    access_groups, activity, analytics, approvals, audit, budgets, cache, config, corrections, costs, credentials, customers,
    effective, fallbacks, health, invitations, keys, models, openapi, organizations, pass_through, projects, provider_budgets,
    roles, sign_in, spend, spend_logs, spend_reports, tags, team_members, teams, ui, usage, users, utils,
)  # fmt: skip


def routes() -> list[BaseRoute]:
    """All routes, made anew."""
    # Not include_router: it nests, and the walk over all routes shall see each of them.
    return [each for area in AREAS for each in area.router().routes]


def create_app(services: ControlServices, made: Sequence[BaseRoute] | None = None) -> FastAPI:
    """The application with all routes, which may have been ``made`` before; it starts nothing and owns nothing."""
    # No documentation routes: they would load scripts from elsewhere, and they name every route to anybody.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.services = services
    app.router.routes.extend(routes() if made is None else made)
    errors.install(app)
    app.add_middleware(NoStore)
    return app
