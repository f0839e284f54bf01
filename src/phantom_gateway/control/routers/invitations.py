"""``/invitation/*`` for those who invite, ``/onboarding/*`` for those who are invited."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field, StringConstraints
from starlette.responses import JSONResponse, Response

from phantom_gateway.config.secret import Secret
from phantom_gateway.control.answers import people as answers
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.fields import Body, Name
from phantom_gateway.control.guard import caller_of, reach_of, refuse_foreign_login, route, services_of, writer_of
from phantom_gateway.control.invitations.service import InvitationService, Onboarding
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.routers.sign_in import give, signed_in
from phantom_gateway.control.sign_in.client import client_of
from phantom_gateway.control.sign_in.cookies import label_of
from phantom_gateway.control.sign_in.forms import Typed

JsonObject = dict[str, Any]
Link = Annotated[str, StringConstraints(min_length=1, max_length=255)]


class InvitationNew(Body):
    """Body of ``/invitation/new``."""

    user_id: Name


class InvitationUpdate(Body):
    """Body of ``/invitation/update``."""

    invitation_id: Link
    is_accepted: bool


class InvitationDelete(Body):
    """Body of ``/invitation/delete``."""

    invitation_id: Link


class InvitationClaim(Body):
    """Body of ``/onboarding/claim_token``."""

    invitation_link: Annotated[Link, Field(repr=False)]
    user_id: Name
    password: Annotated[Typed, Field(repr=False)]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["invitations"])
    route(routes, "POST", "/invitation/new", Action.INVITATION_CREATE, new, answer=answers.InvitationMade, tagged=True)
    route(routes, "GET", "/invitation/info", Action.INVITATION_READ, info, answer=answers.InvitationView)
    route(
        routes,
        "POST",
        "/invitation/update",
        Action.INVITATION_UPDATE,
        update,
        answer=answers.InvitationView,
        tagged=True,
    )
    route(routes, "POST", "/invitation/delete", Action.INVITATION_DELETE, delete, answer=answers.InvitationView)
    route(routes, "GET", "/onboarding/get_token", Action.PUBLIC, get_token, answer=answers.Invited)
    route(routes, "POST", "/onboarding/claim_token", Action.PUBLIC, claim_token, answer=answers.Claimed)
    return routes


def _service(request: Request) -> InvitationService:
    return InvitationService(writer_of(request), reach_of(request), caller_of(request))


async def new(request: Request, body: InvitationNew) -> JsonObject:
    """Invite a user to set a password. ``id`` is the link, in this answer only."""
    return await _service(request).new(body.user_id)


async def info(
    request: Request, response: Response, invitation_id: Annotated[str, Query(max_length=255)]
) -> JsonObject:
    """An invitation, by link or id."""
    shown, revision = await _service(request).info(invitation_id)
    response.headers["etag"] = etag(revision)
    return shown


async def update(request: Request, body: InvitationUpdate) -> JsonObject:
    """Use an invitation up."""
    return await _service(request).update(body.invitation_id, body.is_accepted)


async def delete(request: Request, body: InvitationDelete) -> JsonObject:
    """Take an invitation back."""
    return await _service(request).delete(body.invitation_id)


async def get_token(request: Request, invite_link: Annotated[str, Query(max_length=255)] = "") -> JsonObject:
    """Whom a link is for. It uses nothing up, and ``token`` is the link itself: it opens nothing but ``claim_token``."""
    user = await Onboarding(services_of(request)).open_link(invite_link)
    return {
        "login_url": "/ui/onboarding",
        "token": invite_link,
        "user_id": user.id,
        "user_email": user.email,
    }


async def claim_token(request: Request, body: InvitationClaim) -> Response:
    """Set the password, use the link up and sign in."""
    refuse_foreign_login(request)
    who = (client_of(request), label_of(request))
    opened = await Onboarding(services_of(request)).claim(
        body.invitation_link, body.user_id, Secret(body.password), who
    )
    told = signed_in(request, opened)
    return give(request, opened, JSONResponse({**told, "login_url": told["redirect_url"], "user": told}))
