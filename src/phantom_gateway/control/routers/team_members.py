"""A team's members: who they are, their roles and their limits in the team."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from phantom_gateway.control.answers import tenants as answers
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.fields import Name
from phantom_gateway.control.entities.people import People
from phantom_gateway.control.errors import not_found
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import reach
from phantom_gateway.control.teams.member_fields import BulkMemberAdd, MemberAdd, MemberDelete, MemberUpdate, SpendReset
from phantom_gateway.control.teams.members import MemberService
from phantom_gateway.control.teams.service import NO_TEAM, existing
from phantom_gateway.control.teams.view import membership_views
from phantom_gateway.store import tenants

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["teams"])
    route(routes, "POST", "/team/member_add", Action.TEAM_MEMBERS, add, answer=answers.MembersAdded, tagged=True)
    route(
        routes, "POST", "/team/bulk_member_add", Action.TEAM_MEMBERS, add_many, answer=answers.MembersTried, tagged=True
    )
    route(routes, "POST", "/team/member_update", Action.TEAM_MEMBERS, update, answer=answers.MemberChanged, tagged=True)
    route(routes, "POST", "/team/member_delete", Action.TEAM_MEMBERS, remove, answer=answers.TeamView, tagged=True)
    route(
        routes,
        "POST",
        "/team/{team_id}/member/{user_id}/reset_spend",
        Action.TEAM_MEMBERS,
        reset_spend,
        answer=answers.MemberSpendReset,
        tagged=True,
    )
    route(
        routes,
        "POST",
        "/team/{team_id}/member/{user_id}/reset_budget",
        Action.TEAM_MEMBERS,
        reset_budget,
        answer=answers.MemberBudgetReset,
        tagged=True,
    )
    route(routes, "GET", "/team/{team_id}/members/me", Action.TEAM_READ, me, answer=answers.OwnMembership)
    return routes


def people_of(request: Request) -> People:
    """Whom the caller may name, and whether it may make new people."""
    actor = caller_of(request).actor
    return People(writer_of(request), reach(actor, Action.USER_READ), reach(actor, Action.USER_CREATE))


def _service(request: Request) -> MemberService:
    return MemberService(writer_of(request), reach_of(request), people_of(request))


async def add(request: Request, body: MemberAdd) -> JsonObject:
    """Make people members of a team, all of them or none. Who is unknown becomes an internal user if the caller may do that."""
    return await _service(request).add(body)


async def add_many(request: Request, body: BulkMemberAdd) -> JsonObject:
    """Make many people members of a team, each by himself."""
    return await _service(request).add_many(body)


async def update(request: Request, body: MemberUpdate) -> JsonObject:
    """Change a member's role or limits in the team; what is not named stays."""
    return await _service(request).update(body)


async def remove(request: Request, body: MemberDelete) -> JsonObject:
    """Take somebody out of a team; his keys of the team are deleted."""
    return await _service(request).remove(body.team_id, body)


async def reset_spend(request: Request, team_id: Name, user_id: Name, body: SpendReset) -> JsonObject:
    """Have a member's budgets count no more than ``reset_to`` as spent in their present windows."""
    return await _service(request).reset_spend(team_id, user_id, body.reset_to)


async def reset_budget(request: Request, team_id: Name, user_id: Name) -> JsonObject:
    """Take away a member's own limits: the team's defaults hold again."""
    return await _service(request).use_defaults(team_id, user_id)


async def me(request: Request, response: Response, team_id: Name) -> JsonObject:
    """The caller's own membership in a team."""
    services, far, user_id = services_of(request), reach_of(request), caller_of(request).actor.user_id

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        team = existing(connection, team_id, far)
        member = None if user_id is None else tenants.TEAM_MEMBERS.get(connection, team.id, user_id)
        if member is None:
            raise not_found(NO_TEAM, "team_id")
        shown = membership_views(connection, team, [member], services.clock())[0]
        return {**shown, "team_alias": team.alias}, team.revision

    found, revision = await services.database.read(query)
    response.headers["etag"] = etag(revision)
    return found
