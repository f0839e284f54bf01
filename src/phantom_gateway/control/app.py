"""The admin API as an application."""

from __future__ import annotations

from fastapi import FastAPI

from phantom_gateway.control import errors
from phantom_gateway.control.no_store import NoStore
from phantom_gateway.control.routers import (
    access_groups,
    activity,
    analytics,
    audit,
    budgets,
    cache,
    config,
    corrections,
    costs,
    credentials,
    customers,
    fallbacks,
    health,
    invitations,
    keys,
    models,
    openapi,
    organizations,
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
    users,
    utils,
)
from phantom_gateway.control.services import ControlServices

AREAS = (
    access_groups, activity, analytics, audit, budgets, cache, config, corrections, costs, credentials, customers, fallbacks,
    health, invitations, keys, models, openapi, organizations, projects, provider_budgets, roles, sign_in, spend, spend_logs,
    spend_reports, tags, team_members, teams, ui, users, utils,
)  # fmt: skip


def create_app(services: ControlServices) -> FastAPI:
    """The application with all routes; it starts nothing and owns nothing."""
    # No documentation routes: they would load scripts from elsewhere, and they name every route to anybody.
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    app.state.services = services
    for area in AREAS:
        # Not include_router: it nests, and the walk over all routes shall see each of them.
        app.router.routes.extend(area.router().routes)
    errors.install(app)
    app.add_middleware(NoStore)
    return app
