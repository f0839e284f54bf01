"""Routes that know what they require: authentication and permission come before the body is read or parsed."""

from __future__ import annotations

import inspect
import re
import secrets
import warnings
from collections.abc import Callable, Collection, Coroutine, Mapping
from functools import cached_property, partial
from typing import Any, ClassVar, cast, get_args, get_origin

import sqlalchemy as sa
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from pydantic.warnings import UnsupportedFieldAttributeWarning
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from phantom_gateway.control.audit import Author
from phantom_gateway.control.auth import Caller
from phantom_gateway.control.commit import Writer
from phantom_gateway.control.entities import chain
from phantom_gateway.control.entities.giving import Giver
from phantom_gateway.control.errors import ApiError, bad_field, conflict, not_found
from phantom_gateway.control.policy.actions import READS, Action
from phantom_gateway.control.policy.actor import load_actor
from phantom_gateway.control.policy.reach import Reach, Target, reach
from phantom_gateway.control.rendering import RenderedResponse, rendering
from phantom_gateway.control.services import ControlServices
from phantom_gateway.control.sign_in.client import is_same_origin
from phantom_gateway.control.sign_in.cookies import HEADER, token_of
from phantom_gateway.control.texts import refuse_unstorable
from phantom_gateway.security.audit_events import ActorKind
from phantom_gateway.spine.clients import Clients
from phantom_gateway.spine.messages import KeyRecord
from phantom_gateway.store import keys

MAX_BODY = 1024 * 1024
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})

_MANAGEMENT = frozenset({"management_routes", "/*", "*"})
"""LiteLLM's names for groups of routes that contain all routes of the admin API."""

_KINDS = {"master": ActorKind.MASTER, "virtual": ActorKind.KEY, "session": ActorKind.USER}
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """A route of the admin API. Never used itself: ``route`` makes one subclass per action."""

    action: ClassVar[Action]
    answer: Any = None
    """The type that describes what is answered (``control.openapi``)."""
    reads: Any = None
    """The type of a body that the handler reads by itself, as JSON or a form."""
    tagged: bool = False
    """Whether the answer carries the ETag of what was changed (``Writer.tag``)."""

    @property
    def counts(self) -> bool:
        """Whether the answer is a page of a list, with the whole count in a header (``listing.tell_total``)."""
        return {"response", "sort_order"} <= inspect.signature(self.endpoint).parameters.keys()

    @property
    def shows_tag(self) -> bool:
        """Whether the answer carries an ETag."""
        return self.tagged or ("response" in inspect.signature(self.endpoint).parameters and not self.counts)

    def get_route_handler(self) -> Handler:
        """FastAPI's handler behind the guard."""
        inner = super().get_route_handler()
        action = self.action
        known = {each.alias: _is_list(each.field_info.annotation) for each in self.dependant.query_params}

        async def guarded(request: Request) -> Response:
            if request.client is not None:  # what a worker brings has passed there
                _refuse_address(request, request.client.host)
            if action is not Action.PUBLIC:
                await _admit(request, action)
                _refuse_unknown(request, known)
            _refuse_repeated(request, known)
            whole = Request(request.scope, _bounded(request.receive))
            await refuse_unstorable(whole)
            request.state.tags = []
            answer = await inner(whole)
            if len(request.state.tags) == 1 and "etag" not in answer.headers:
                answer.headers["etag"] = request.state.tags[0]
            return answer

        return guarded


_GUARDED: dict[Action, type[GuardedRoute]] = {
    action: type(f"GuardedRoute{action.name}", (GuardedRoute,), {"action": action}) for action in Action
}


class DeferredRoute(Route):
    """A route that FastAPI looks at when it is first called or described: to look at all of them is a fifth of control's start."""

    def __init__(self, path: str, method: str, handler: Callable[..., Any], make: Callable[[], GuardedRoute]) -> None:
        super().__init__(path, handler)
        self.methods = {method}
        self._make = make

    @cached_property
    def made(self) -> GuardedRoute:
        """The route itself."""
        return self._make()

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request that matches."""
        scope["route"] = self.made
        await self.made.handle(scope, receive, send)


def route(
    router: APIRouter,
    method: str,
    path: str,
    action: Action,
    handler: Callable[..., Any],
    *,
    answer: Any = None,
    reads: Any = None,
    tagged: bool = False,
) -> None:
    """Add ``handler`` at ``path`` for callers who may do ``action`` to anything at all.

    To what exactly, the handler asks of ``reach_of``. ``answer`` is the type that describes what it answers, or a ``Reply``;
    ``reads`` that of a body which the handler reads by itself; ``tagged``: the answer carries the ETag of what was changed.
    """

    def make() -> GuardedRoute:
        made = _GUARDED[action](
            path,
            rendering(handler),
            methods=[method],
            tags=list(router.tags),
            response_model=None,
            response_class=RenderedResponse,
            # A body without content-type is read as JSON; keys travel in headers, so no form of a browser can forge a call.
            strict_content_type=False,
        )
        made.answer, made.reads, made.tagged = answer, reads, tagged
        _build(made)
        return made

    router.routes.append(DeferredRoute(path, method, handler, make))


def _build(made: GuardedRoute) -> None:
    """Build the type of the body, which waited until now (``entities.fields.Body``)."""
    if made.body_field is not None:
        with warnings.catch_warnings():
            # Of the alias that FastAPI gives to a body; it ignores the warning itself where a type does not wait.
            warnings.simplefilter("ignore", UnsupportedFieldAttributeWarning)
            made.body_field.validate({}, loc=())


def routes_of(app: FastAPI) -> list[GuardedRoute]:
    """Every route of the admin API, whole."""
    return [each.made for each in app.routes if isinstance(each, DeferredRoute)]


def caller_of(request: Request) -> Caller:
    """The caller the guard has let in."""
    return cast(Caller, request.state.caller)


def services_of(request: Request) -> ControlServices:
    """What the application was made with."""
    return cast(ControlServices, request.app.state.services)


def reach_of(request: Request) -> Reach:
    """How far the caller reaches with this route's action."""
    return cast(Reach, request.state.reach)


def writer_of(request: Request) -> Writer:
    """What changes things in the caller's name."""
    author, services = author_of(request), services_of(request)
    still = partial(_refuse_changed, services, caller_of(request))
    giver = Giver(caller_of(request), services.clock())
    return Writer(services, author.by, _if_match(request), author, giver, still, request.state.tags)


def _if_match(request: Request) -> str | None:
    given = request.headers.getlist("if-match")
    return ",".join(given) if given else None


def author_of(request: Request) -> Author:
    """The caller as the audit log names it."""
    caller = caller_of(request)
    given = request.headers.get("x-request-id", "")
    return Author(
        name=caller.name,
        kind=_KINDS[caller.key.kind],
        key_id=caller.key.id,
        changed_by=request.headers.get("litellm-changed-by", "")[:255],
        request_id=given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16),
        node=services_of(request).node,
    )


def require(request: Request, target: Target, message: str, param: str | None = None) -> None:
    """Answer 404 with ``message`` when ``target`` is out of the caller's reach."""
    if not reach_of(request).covers(target):
        raise not_found(message, param)


def refuse_foreign_page(request: Request) -> None:
    """Answer 403 unless a page of the gateway itself sent this: another site can make a browser send its cookie along.

    Both must be right: the ``Origin``, and a header that no form can set.
    """
    origins = services_of(request).configuration.people.origins
    if not is_same_origin(request, origins) or HEADER not in request.headers:
        message = f"A signed-in browser changes things only from the gateway's own pages, with the header {HEADER}."
        raise ApiError(403, message, kind="cross_site_request", param="origin")


def refuse_foreign_login(request: Request) -> None:
    """Answer 403 when a browser says that a page of another site sent this: nobody is signed in as somebody else unawares."""
    said = "origin" in request.headers or "sec-fetch-site" in request.headers
    if said and not is_same_origin(request, services_of(request).configuration.people.origins):
        message = "Sign in from the gateway's own pages."
        raise ApiError(403, message, kind="cross_site_request", param="origin")


def refuse_changed(request: Request, connection: sa.Connection) -> None:
    """Answer 401 or 409 when the caller is not, or may not do, any more what it was let in with; for what lasts longer."""
    _refuse_changed(services_of(request), caller_of(request), connection)


def _refuse_changed(services: ControlServices, caller: Caller, connection: sa.Connection) -> None:
    """Answer 401 or 409 when the caller has been deleted, or changed, between being let in and its change.

    Otherwise somebody who is removed at that moment would leave keys behind that nobody removes. ``connection`` is in the
    transaction of the change, beside which there is no other (``store.database``): what is found here holds until the end.
    """
    key, now = caller.key, services.clock()
    record = key
    if key.kind == "session":
        gone = not services.sessions.holds(connection, key.id, now)
    elif key.kind == "master":
        gone = False
    else:
        found = keys.find(connection, key.digest)
        loaded = None if found is None else chain.load(connection, found[0])
        gone = found is None or loaded is None or bool(loaded.blocked_by)
        if found is not None and loaded is not None:
            record = chain.record_of(loaded, key.digest, now, found[1])
            gone = gone or (record.expires is not None and record.expires <= now)
    if gone:
        raise ApiError(401, "Authentication Error, the key or session has ended.", kind="auth_error", param="None")
    if load_actor(connection, record) != caller.actor or _confines(record) != _confines(key):
        raise conflict("What you may do was changed at the same time; try again.")


def _confines(key: KeyRecord) -> tuple[object, ...]:
    return key.user_id, key.team_id, key.key_type, key.allowed_routes


def _refuse_address(request: Request, peer: str) -> None:
    """Answer 403 to an address that is not among ``allowed_ips``."""
    settings = services_of(request).configuration.snapshot.settings
    if settings.allowed_clients is None:
        return
    clients = Clients(settings.allowed_clients, settings.trusted_proxies, believes=settings.believes_forwarded_for)
    if not clients.admits(clients.address(peer, ",".join(request.headers.getlist("x-forwarded-for")))):
        raise ApiError(403, "Access forbidden: IP address not allowed.", kind="auth_error", param="None")


async def _admit(request: Request, action: Action) -> None:
    services = services_of(request)
    caller = await services.authenticator.authenticate(request.headers, services.clock(), token_of(request))
    path = request.scope["path"]
    if caller.is_signed_in and request.method not in _SAFE:
        refuse_foreign_page(request)
    refusal = _refusal_by_key(caller.key, action, path)
    if refusal:
        raise ApiError(403, f"{refusal} Tried to call route: {path}", kind="auth_error", param="None")
    far = reach(caller.actor, action)
    if far.nothing and action is not Action.SELF:
        message = f"You are not allowed to call this route: {action} is not granted to you. Tried to call route: {path}"
        raise ApiError(403, message, kind="auth_error", param="None")
    request.state.caller = caller
    request.state.reach = far


def _refusal_by_key(key: KeyRecord, action: Action, path: str) -> str:
    """Why this key may not be used here, whoever it belongs to."""
    if key.key_type in ("read_only", "llm_api") and action not in READS:
        return "Virtual key is not allowed to call this route: its type does not admit changes."
    allowed = key.allowed_routes
    if not allowed or not _MANAGEMENT.isdisjoint(allowed) or (action in READS and "info_routes" in allowed):
        return ""
    if any(path == each or (each.endswith("*") and path.startswith(each[:-1])) for each in allowed):
        return ""
    return f"Virtual key is not allowed to call this route. Only allowed to call routes: {list(allowed)}."


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(map(_is_list, get_args(annotation)))


def _refuse_repeated(request: Request, known: Mapping[str, bool]) -> None:
    """``known`` says of each parameter whether it is a list. Of two values one would be left out silently."""
    names = [name for name, _ in request.query_params.multi_items() if known.get(name) is False]
    for name in names:
        if names.count(name) > 1:
            raise bad_field(name, "is given twice")


def _refuse_unknown(request: Request, known: Collection[str]) -> None:
    # A filter that is silently ignored answers with the wrong rows.
    for name in request.query_params:
        if name not in known:
            raise bad_field(name[:60], "unknown query parameter")


def _bounded(receive: Receive) -> Receive:
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > MAX_BODY:
            # Not an ApiError: FastAPI lets only its own kind of exception through while it reads a body.
            raise HTTPException(413, f"The request body is larger than {MAX_BODY} bytes.")
        return message

    return bounded
