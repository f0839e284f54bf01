"""``/key/*``: virtual keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.commit import etag
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of, writer_of
from phantom_gateway.control.keys.fields import KeyBlock, KeyDelete, KeyGenerate, KeyUpdate
from phantom_gateway.control.keys.service import KeyService
from phantom_gateway.control.keys.view import views
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.timestamps import parse
from phantom_gateway.store import keys
from phantom_gateway.store.keys import KeyFilter
from phantom_gateway.store.tables import KEYS

JsonObject = dict[str, Any]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["keys"])
    route(routes, "POST", "/key/generate", Action.KEY_CREATE, generate)
    route(routes, "POST", "/key/update", Action.KEY_UPDATE, update)
    route(routes, "POST", "/key/delete", Action.KEY_DELETE, delete)
    route(routes, "POST", "/key/block", Action.KEY_BLOCK, block)
    route(routes, "POST", "/key/unblock", Action.KEY_BLOCK, unblock)
    route(routes, "GET", "/key/info", Action.KEY_READ, info)
    route(routes, "GET", "/key/list", Action.KEY_READ, list_keys)
    return routes


def _service(request: Request) -> KeyService:
    return KeyService(writer_of(request), reach_of(request))


async def generate(request: Request, body: KeyGenerate) -> JsonObject:
    """Create a key. Its plaintext is in this answer and nowhere else."""
    return await _service(request).generate(body)


async def update(request: Request, body: KeyUpdate) -> JsonObject:
    """Change the named fields of a key; the others stay."""
    return await _service(request).update(body)


async def delete(request: Request, body: KeyDelete) -> JsonObject:
    """Delete keys by themselves, their ids, or their aliases: all of them or none."""
    return {"deleted_keys": await _service(request).delete(body)}


async def block(request: Request, body: KeyBlock) -> JsonObject:
    """Refuse a key from now on."""
    return await _service(request).set_blocked(body.key, blocked=True)


async def unblock(request: Request, body: KeyBlock) -> JsonObject:
    """Admit a blocked key again."""
    return await _service(request).set_blocked(body.key, blocked=False)


async def info(
    request: Request, response: Response, key: Annotated[str | None, Query(max_length=1024)] = None
) -> JsonObject:
    """A key and its spend; without ``key`` the calling one."""
    caller = caller_of(request)
    service = _service(request)
    key_id = service.id_of(key) if key else caller.key.id
    if caller.key.kind == "master" and key_id == caller.key.id:
        raise not_found("The master key is not in the database; name a key with ?key=.", "key")
    found, revision = await service.info(key_id)
    response.headers["etag"] = etag(revision)
    return found


async def list_keys(
    request: Request,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 10,
    user_id: str | None = None,
    team_id: str | None = None,
    organization_id: str | None = None,
    project_id: str | None = None,
    key_hash: str | None = None,
    key_alias: str | None = None,
    search: Annotated[str | None, Query(max_length=255)] = None,
    status: Literal["active", "blocked", "expired"] | None = None,
    expires: str | None = None,
    sort_by: Literal["created_at", "updated_at", "key_alias", "max_budget", "expires"] = "created_at",
    sort_order: Literal["asc", "desc"] = "desc",
    return_full_object: bool = False,
    substring_matching: bool = False,
) -> JsonObject:
    """Ids of keys, or the keys themselves with ``return_full_object``; newest first unless asked otherwise."""
    services = services_of(request)
    now = services.clock()
    wanted = KeyFilter(
        id=key_hash,
        alias=None if substring_matching else key_alias,
        search=key_alias if substring_matching else search,
        user_id=user_id,
        team_id=team_id,
        org_id=organization_id,
        project_id=project_id,
        blocked={"active": False, "blocked": True}.get(status or ""),
        expires_after=now if status == "active" else None,
        expires_before=now if status == "expired" else _moment(expires),
        reach=(reach_of(request).where(user=KEYS.c.user_id, team=KEYS.c.team_id, org=KEYS.c.org_id, key=KEYS.c.id),),
    )

    def query(connection: sa.Connection) -> tuple[int, list[JsonObject], list[str]]:
        rows = keys.page(connection, wanted, (sort_by, sort_order == "desc"), ((page - 1) * size, size))
        shown = views(connection, rows, now) if return_full_object else []
        return keys.count(connection, wanted), shown, [row.id for row in rows]

    total, shown, ids = await services.database.read(query)
    found = [{"token": key_id, **view} for key_id, view in zip(ids, shown, strict=True)] if return_full_object else ids
    return {"keys": found, "total_count": total, "current_page": page, "total_pages": -(-total // size)}


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise bad_field("expires", str(error)) from error
