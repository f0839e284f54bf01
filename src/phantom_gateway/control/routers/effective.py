"""``/key/limits``, ``/user/limits``, ``/team/limits``: which limits hold in effect, and whose they are. Not in LiteLLM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request

from phantom_gateway.control.answers.tenants import EffectiveLimits
from phantom_gateway.control.entities import effective
from phantom_gateway.control.entities.effective import Part
from phantom_gateway.control.errors import not_found
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of
from phantom_gateway.control.keys.references import KeyFinder
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.teams import service as teams
from phantom_gateway.store import tenants
from phantom_gateway.store.tenancy_tables import USERS

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["limits"])
    route(routes, "GET", "/key/limits", Action.KEY_READ, of_key, answer=EffectiveLimits)
    route(routes, "GET", "/user/limits", Action.USER_READ, of_user, answer=EffectiveLimits)
    route(routes, "GET", "/team/limits", Action.TEAM_READ, of_team, answer=EffectiveLimits)
    return routes


async def of_key(request: Request, key: Annotated[str | None, Query(max_length=1024)] = None) -> JsonObject:
    """The limits of a key and of everybody above it; without ``key`` of the calling one."""
    finder = KeyFinder(services_of(request).hasher, reach_of(request), services_of(request).clock())
    reference = key or caller_of(request).key.id
    return await _read(
        request, lambda connection: effective.parts_of_key(connection, finder.one(connection, reference))
    )


async def of_user(request: Request, user_id: Annotated[str | None, Query(max_length=255)] = None) -> JsonObject:
    """The limits of a person; without ``user_id`` of the calling one."""
    named, far = user_id or caller_of(request).actor.user_id, reach_of(request)

    def parts(connection: sa.Connection) -> list[Part]:
        row = tenants.USERS.one(connection, USERS.c.id == named, far.where_users(USERS.c.id))
        if row is None:
            raise not_found("There is no such user.", "user_id")
        return effective.parts_of_user(connection, row)

    return await _read(request, parts)


async def of_team(request: Request, team_id: Annotated[str, Query(min_length=1, max_length=255)]) -> JsonObject:
    """The limits of a team and of its organisation."""
    far = reach_of(request)

    def parts(connection: sa.Connection) -> list[Part]:
        return effective.parts_of_team(connection, teams.existing(connection, team_id, far))

    return await _read(request, parts)


async def _read(request: Request, parts: Callable[[sa.Connection], list[Part]]) -> JsonObject:
    services = services_of(request)
    now = services.clock()
    return await services.database.read(lambda connection: effective.view(connection, parts(connection), now))
