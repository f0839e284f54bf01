"""``/ui``: the Admin UI, and ``/whoami``: what its user may do."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from phantom_gateway.control.answers import people as answers
from phantom_gateway.control.answers.base import Reply
from phantom_gateway.control.errors import not_found
from phantom_gateway.control.guard import caller_of, route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import reach
from phantom_gateway.control.policy.table import TABLE
from phantom_gateway.control.sign_in.client import client_of
from phantom_gateway.control.sign_in.events import OPERATOR
from phantom_gateway.control.ui.files import Asset, UiFiles
from phantom_gateway.control.ui.headers import headers_of

JsonObject = dict[str, Any]
PAGE = Reply(307, text="To `/ui/`, where the page's own paths begin.")
FILE = Reply(200, media="text/html", text="The page, or a file with its own type of content.")


def router() -> APIRouter:
    """The routes."""
    routes, files = APIRouter(tags=["ui"]), UiFiles()

    async def page(request: Request) -> Response:
        """The Admin UI's page."""
        return _page(request, files)

    async def file(request: Request, path: str) -> Response:
        """A file of the Admin UI, or its page for every view in it."""
        return _file(request, files, path)

    route(routes, "GET", "/ui", Action.PUBLIC, page, answer=PAGE)
    route(routes, "GET", "/ui/{path:path}", Action.PUBLIC, file, answer=FILE)
    route(routes, "GET", "/whoami", Action.SELF, whoami, answer=answers.Whoami)
    return routes


async def whoami(request: Request) -> JsonObject:
    """Who is calling, and every action the caller may do: to ``all``, or to ``some`` things."""
    caller = caller_of(request)
    reaches = {action: reach(caller.actor, action) for action in TABLE}
    return {
        "user_id": caller.actor.user_id or (OPERATOR if caller.is_admin else None),
        "user_role": caller.actor.role or None,
        "key_kind": caller.key.kind,
        "teams_administered": sorted(caller.actor.teams_administered),
        "organizations_administered": sorted(caller.actor.orgs_administered),
        "actions": {
            action.value: "all" if far.everything else "some" for action, far in reaches.items() if not far.nothing
        },
    }


def _page(request: Request, files: UiFiles) -> Response:
    settings = services_of(request).configuration.people
    if not settings.ui:
        raise not_found("The Admin UI is switched off (DISABLE_ADMIN_UI).")
    if request.scope["path"] == "/ui":
        # Below the slash the page's own paths begin; what was asked for stays asked for.
        query = request.scope["query_string"].decode("latin-1")
        target = f"{settings.root_path}/ui/" + (f"?{query}" if query else "")
        return RedirectResponse(target, status_code=307, headers={"cache-control": "no-store"})
    return _send(request, files.page(settings.root_path))


def _file(request: Request, files: UiFiles, path: str) -> Response:
    if not services_of(request).configuration.people.ui:
        raise not_found("The Admin UI is switched off (DISABLE_ADMIN_UI).")
    asset = files.asset(path) if path and path != "index.html" else None
    if asset is not None:
        return _send(request, asset)
    if path.startswith("assets/"):
        raise not_found("There is no such file; reload the page: the gateway has been updated.")
    return _page(request, files)


def _send(request: Request, asset: Asset) -> Response:
    body, compressed = asset.body, False
    if asset.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body, compressed = asset.compressed, True
    headers = headers_of(asset, tls=client_of(request).scheme == "https", compressed=compressed)
    return Response(body, headers=headers)
