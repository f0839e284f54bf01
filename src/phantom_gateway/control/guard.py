"""Routes that know what they require: authentication and permission come before the body is read or parsed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, cast

from fastapi import APIRouter, Request
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive

from phantom_gateway.control.auth import Caller
from phantom_gateway.control.errors import ApiError, bad_field
from phantom_gateway.control.permissions import Permission
from phantom_gateway.control.services import ControlServices

MAX_BODY = 1024 * 1024

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class GuardedRoute(APIRoute):
    """A route of the admin API. Never used itself: ``route`` makes one subclass per permission."""

    permission: ClassVar[Permission]

    def get_route_handler(self) -> Handler:
        """FastAPI's handler behind the guard."""
        inner = super().get_route_handler()
        permission = self.permission
        known = frozenset(parameter.alias for parameter in self.dependant.query_params)

        async def guarded(request: Request) -> Response:
            if permission is not Permission.PUBLIC:
                request.state.caller = await _admit(request, permission)
                _refuse_unknown(request, known)
            return await inner(Request(request.scope, _bounded(request.receive)))

        return guarded


_GUARDED: dict[Permission, type[GuardedRoute]] = {
    permission: type(f"GuardedRoute{permission.name}", (GuardedRoute,), {"permission": permission})
    for permission in Permission
}


def route(router: APIRouter, method: str, path: str, permission: Permission, handler: Callable[..., Any]) -> None:
    """Add ``handler`` at ``path`` for callers with ``permission``."""
    router.add_api_route(
        path,
        handler,
        methods=[method],
        route_class_override=_GUARDED[permission],
        response_model=None,
        # A body without content-type is read as JSON; keys travel in headers, so no form of a browser can forge a call.
        strict_content_type=False,
    )


def caller_of(request: Request) -> Caller:
    """The caller the guard has let in."""
    return cast(Caller, request.state.caller)


def services_of(request: Request) -> ControlServices:
    """What the application was made with."""
    return cast(ControlServices, request.app.state.services)


async def _admit(request: Request, permission: Permission) -> Caller:
    services = services_of(request)
    caller = await services.authenticator.authenticate(request.headers, services.clock())
    if permission is Permission.ADMIN and not caller.is_admin:
        path = request.scope["path"]
        message = f"Virtual key is not allowed to call this route: only the master key is. Tried to call route: {path}"
        raise ApiError(403, message, kind="auth_error", param="None")
    return caller


def _refuse_unknown(request: Request, known: frozenset[str]) -> None:
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
