"""``/login`` and its kin, ``/logout``, ``/sessions``, ``/user/password/change``."""

from __future__ import annotations

from operator import itemgetter
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from phantom_gateway.control.answers import people as answers
from phantom_gateway.control.answers.base import Message, Reply
from phantom_gateway.control.audit import Change
from phantom_gateway.control.commit import Effects
from phantom_gateway.control.entities.listing import (
    MOST,
    PageNumber,
    PageSize,
    SearchText,
    SortOrder,
    Wanted,
    page_of,
    tell_total,
)
from phantom_gateway.control.errors import ApiError, bad_field, not_found
from phantom_gateway.control.guard import (
    caller_of,
    reach_of,
    refuse_foreign_login,
    refuse_foreign_page,
    route,
    services_of,
    writer_of,
)
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import Target
from phantom_gateway.control.sign_in import cookies
from phantom_gateway.control.sign_in.client import client_of
from phantom_gateway.control.sign_in.events import OPERATOR, writer_for
from phantom_gateway.control.sign_in.forms import LoginBody, PasswordChange, SessionsEnd, attempt_of
from phantom_gateway.control.sign_in.service import Opened, SignIn
from phantom_gateway.control.timestamps import iso
from phantom_gateway.security.audit_events import EventCode
from phantom_gateway.store import sessions, tenants
from phantom_gateway.store.sessions import Alive, SessionRow

JsonObject = dict[str, Any]
HOME = "/ui/?login=success"
"""Where a browser goes after signing in; nothing in a request can change it."""


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["sign-in"])
    route(
        routes,
        "POST",
        "/login",
        Action.PUBLIC,
        login_form,
        reads=LoginBody,
        answer=Reply(303, text="Signed in; on to the Admin UI."),
    )
    route(routes, "POST", "/v2/login", Action.PUBLIC, login, reads=LoginBody, answer=answers.SignedIn)
    route(routes, "POST", "/v3/login", Action.PUBLIC, login, reads=LoginBody, answer=answers.SignedIn)
    route(routes, "POST", "/logout", Action.PUBLIC, logout, answer=Message)
    route(
        routes, "POST", "/user/password/change", Action.PASSWORD_CHANGE, change_password, answer=answers.PasswordChanged
    )
    route(routes, "GET", "/sessions", Action.SESSION_READ, list_sessions, answer=answers.SessionList)
    route(routes, "POST", "/sessions/end", Action.SESSION_END, end_sessions, answer=answers.SessionsEnded)
    return routes


async def login_form(request: Request) -> Response:
    """Sign in with ``username`` and ``password``, as a form or JSON; on to the UI."""
    return give(request, await _open(request), RedirectResponse(_home(request), status_code=303))


async def login(request: Request) -> Response:
    """Sign in with ``username`` and ``password``, as JSON or a form; the answer says who it is and where the UI is."""
    opened = await _open(request)
    return give(request, opened, JSONResponse(signed_in(request, opened)))


async def logout(request: Request) -> Response:
    """End the session of the cookie, if it holds a good one, and drop the cookie."""
    services, token = services_of(request), cookies.token_of(request)
    if token:
        refuse_foreign_page(request)
        session_id = services.sign_in.sessions.digest(token.encode())

        row = await services.database.read(lambda connection: sessions.get(connection, session_id))
        if row is not None:
            owner = row.user_id

            def change(connection: sa.Connection, effects: Effects) -> None:
                if sessions.revoke(connection, [session_id], services.clock()):
                    effects.audit.append(Change(EventCode.SESSION_ENDED, owner or OPERATOR))

            await writer_for(services, owner).commit(change)
    answer = JSONResponse({"message": "Signed out."})
    cookies.take(answer, client_of(request))
    return answer


async def change_password(request: Request, body: PasswordChange) -> JsonObject:
    """Change one's own password, knowing the present one; all other sessions end."""
    caller = caller_of(request)
    if not caller.is_signed_in:
        raise ApiError(403, "A key cannot change a password: sign in.", kind="auth_error", param="None")
    services = services_of(request)
    row = await services.database.read(lambda connection: sessions.get(connection, caller.key.id))
    if row is None:
        raise not_found("The session has ended.")
    user_id, writer = row.user_id, writer_of(request)

    def check(connection: sa.Connection) -> None:
        user = None if user_id is None else tenants.USERS.get(connection, user_id)
        if user is not None:
            writer.check_match(user.revision)

    await services.database.read(check)  # a change after this is noticed by the change itself
    client = client_of(request)
    changed = await SignIn(services).change_password(row, body.current_password, body.new_password, client)
    return {"user_id": changed, "message": "The password was changed. All other sessions have ended."}


async def list_sessions(
    request: Request,
    response: Response,
    user_id: Annotated[str | None, Query(max_length=255)] = None,
    search: SearchText = None,
    page: PageNumber = 1,
    size: PageSize = MOST,
    sort_by: Literal["last_seen_at", "created_at", "label"] = "last_seen_at",
    sort_order: SortOrder = "desc",
) -> JsonObject:
    """Where one is signed in, the last used first unless asked otherwise; an administrator may ask for others.

    ``search`` is a part of a label.
    """
    services = services_of(request)
    owner = _owner(request, user_id)
    alive = services.sessions.alive(services.clock())
    rows = await services.database.read(lambda connection: sessions.of_user(connection, owner, alive))
    current = caller_of(request).key.id
    part = (search or "").lower()
    found = [view(row, alive, current) for row in rows if part in row.label.lower()]
    total, shown = page_of(found, Wanted(page, size, sort_by, sort_order), itemgetter(sort_by))
    tell_total(response, total)
    return {"sessions": shown}


async def end_sessions(request: Request, body: SessionsEnd) -> JsonObject:
    """End one session, all others, or all; the answer says how many there were."""
    if (body.session_id is not None) + body.others + body.all != 1:
        raise bad_field("session_id", "give one of session_id, others, all")
    owner, current = _owner(request, body.user_id), caller_of(request).key.id
    services = services_of(request)
    now = services.clock()

    def change(connection: sa.Connection, effects: Effects) -> int:
        if body.session_id is None:
            count = sessions.revoke_user(connection, owner, now, current if body.others else None)
        else:
            mine = {row.id for row in sessions.of_user(connection, owner, services.sessions.alive(now))}
            if body.session_id not in mine:
                raise not_found("There is no such session.", "session_id")
            count = sessions.revoke(connection, [body.session_id], now)
        code = EventCode.SESSIONS_REVOKED if body.session_id is None else EventCode.SESSION_ENDED
        effects.audit.append(Change(code, owner or OPERATOR, after={"count": count}))
        return count

    return {"ended": await writer_of(request).commit(change)}


def give(request: Request, opened: Opened, answer: Response) -> Response:
    """The answer with the cookie of a session that has just begun."""
    answer.headers["cache-control"] = "no-store"
    seconds = services_of(request).configuration.people.absolute_s
    cookies.give(answer, client_of(request), opened.token.reveal(), seconds)
    return answer


def signed_in(request: Request, opened: Opened) -> JsonObject:
    """Who has signed in. The session itself is in the cookie, where no script reads it."""
    people = services_of(request).configuration.people
    return {
        "redirect_url": _home(request),
        "user_id": opened.user_id,
        "user_email": opened.user.email if opened.user else None,
        "user_role": opened.role,
        "expires": iso(opened.row.created_at + people.absolute_s),
    }


def view(row: SessionRow, alive: Alive, current: str) -> JsonObject:
    """A session as its owner sees it."""
    return {
        "id": row.id,
        "user_id": row.user_id or OPERATOR,
        "method": row.method,
        "label": row.label,
        "created_at": iso(row.created_at),
        "last_seen_at": iso(row.seen_at),
        "expires": iso(min(row.created_at + alive.absolute_s, row.seen_at + alive.idle_s)),
        "current": row.id == current,
    }


def _home(request: Request) -> str:
    return services_of(request).configuration.people.root_path + HOME


async def _open(request: Request) -> Opened:
    refuse_foreign_login(request)
    attempt = await attempt_of(request)
    old = cookies.token_of(request)
    return await SignIn(services_of(request)).sign_in(attempt, client_of(request), cookies.label_of(request), old)


def _owner(request: Request, user_id: str | None) -> str | None:
    """Whose sessions are meant; ``None`` = the operator's."""
    own = caller_of(request).actor.user_id
    if user_id is None:
        return own
    if not reach_of(request).covers(Target(user_id=user_id)):
        raise not_found("There is no such user.", "user_id")
    return None if user_id == OPERATOR else user_id
