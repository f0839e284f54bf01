"""``/key/*``: virtual keys."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query, Request, Response

from phantom_gateway.control.answers import keys as answers
from phantom_gateway.control.commit import etag
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of, writer_of
from phantom_gateway.control.keys import bulk
from phantom_gateway.control.keys.fields import (
    KeyBlock,
    KeyBulkUpdate,
    KeyDelete,
    KeyGenerate,
    KeyNames,
    KeyRegenerate,
    KeyReset,
    KeyUpdate,
    TeamKeyBulkUpdate,
)
from phantom_gateway.control.keys.service import KeyService, Shown
from phantom_gateway.control.keys.view import deleted_views, views, with_users
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.reach import reach
from phantom_gateway.control.timestamps import parse
from phantom_gateway.store import keys
from phantom_gateway.store.keys import KeyFilter
from phantom_gateway.store.rows import Condition
from phantom_gateway.store.tables import DELETED_KEYS, KEYS
from phantom_gateway.store.tenancy_tables import USERS

JsonObject = dict[str, Any]
KeyInPath = Annotated[str, Path(min_length=1, max_length=1024)]
SortBy = Literal[
    "created_at", "updated_at", "key_alias", "key_name", "max_budget", "expires", "token", "user_id", "team_id", "spend"
]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["keys"])
    route(routes, "POST", "/key/generate", Action.KEY_CREATE, generate, answer=answers.KeyMade)
    route(
        routes,
        "POST",
        "/key/service-account/generate",
        Action.KEY_CREATE,
        generate_service_account,
        answer=answers.KeyMade,
    )
    route(routes, "POST", "/key/update", Action.KEY_UPDATE, update, answer=answers.KeyChanged)
    route(routes, "POST", "/key/bulk_update", Action.KEY_UPDATE, bulk_update, answer=answers.KeysUpdated, tagged=True)
    route(
        routes,
        "POST",
        "/team/key/bulk_update",
        Action.KEY_UPDATE,
        team_bulk_update,
        answer=answers.KeysUpdated,
        tagged=True,
    )
    route(routes, "POST", "/key/delete", Action.KEY_DELETE, delete, answer=answers.KeysDeleted)
    route(routes, "POST", "/key/block", Action.KEY_BLOCK, block, answer=answers.KeyView)
    route(routes, "POST", "/key/unblock", Action.KEY_BLOCK, unblock, answer=answers.KeyView)
    route(routes, "POST", "/key/regenerate", Action.KEY_REGENERATE, regenerate, answer=answers.KeyMade)
    route(routes, "POST", "/key/{key}/regenerate", Action.KEY_REGENERATE, regenerate_named, answer=answers.KeyMade)
    route(routes, "POST", "/key/rotated", Action.KEY_REGENERATE, fetch, answer=answers.KeyMade)
    route(routes, "POST", "/key/{key}/rotated", Action.KEY_REGENERATE, fetch_named, answer=answers.KeyMade)
    route(routes, "POST", "/key/{key}/reset_spend", Action.KEY_RESET_SPEND, reset_spend, answer=answers.KeySpendReset)
    route(routes, "POST", "/key/health", Action.SELF, health, answer=answers.KeyHealth)
    route(routes, "GET", "/key/info", Action.KEY_READ, info, answer=answers.KeyFound)
    route(routes, "POST", "/v2/key/info", Action.KEY_READ, infos, answer=answers.KeysFound)
    route(routes, "GET", "/key/list", Action.KEY_READ, list_keys, answer=answers.KeyList)
    route(routes, "GET", "/key/aliases", Action.KEY_READ, list_aliases, answer=answers.KeyAliases)
    return routes


def _service(request: Request) -> KeyService:
    return KeyService(writer_of(request), caller_of(request), reach_of(request))


def _tagged(response: Response, shown: Shown) -> JsonObject:
    response.headers["etag"] = etag(shown.revision)
    return shown.view


async def generate(request: Request, response: Response, body: KeyGenerate) -> JsonObject:
    """Create a key. Its plaintext is in this answer and nowhere else."""
    return _tagged(response, await _service(request).generate(body))


async def generate_service_account(request: Request, response: Response, body: KeyGenerate) -> JsonObject:
    """Create a key of a team that belongs to nobody in it, so that it outlives everybody's membership."""
    return _tagged(response, await _service(request).generate(body, service_account=True))


async def update(request: Request, response: Response, body: KeyUpdate) -> JsonObject:
    """Change the named fields of a key; the others stay."""
    return _tagged(response, await _service(request).update(body))


async def bulk_update(request: Request, body: KeyBulkUpdate) -> JsonObject:
    """Change several keys, each for itself."""
    return await bulk.update_keys(_service(request), body)


async def team_bulk_update(request: Request, body: TeamKeyBulkUpdate) -> JsonObject:
    """Change the same fields of several keys of a team, or of all of them."""
    return await bulk.update_team(_service(request), body)


async def delete(request: Request, body: KeyDelete) -> JsonObject:
    """Delete keys by themselves, their ids, or their aliases: all of them or none."""
    return {"deleted_keys": await _service(request).delete(body)}


async def block(request: Request, response: Response, body: KeyBlock) -> JsonObject:
    """Refuse a key from now on."""
    return _tagged(response, await _service(request).set_blocked(body.key, blocked=True))


async def unblock(request: Request, response: Response, body: KeyBlock) -> JsonObject:
    """Admit a blocked key again."""
    return _tagged(response, await _service(request).set_blocked(body.key, blocked=False))


async def regenerate(
    request: Request,
    response: Response,
    body: KeyRegenerate | None = None,
    key: Annotated[str | None, Query(max_length=1024)] = None,
) -> JsonObject:
    """Give a key another value; the new plaintext is in this answer and nowhere else. Without a name: the calling key."""
    fields = body or KeyRegenerate()
    reference = key or fields.key or caller_of(request).key.id
    return _tagged(response, await _service(request).regenerate(reference, fields))


async def regenerate_named(
    request: Request, response: Response, key: KeyInPath, body: KeyRegenerate | None = None
) -> JsonObject:
    """The same with the key in the path."""
    return _tagged(response, await _service(request).regenerate(key, body or KeyRegenerate()))


async def fetch(request: Request, response: Response) -> JsonObject:
    """The value that the calling key got by its schedule; it is in this answer and nowhere else, and not a second time."""
    return _tagged(response, await _service(request).fetch(caller_of(request).key.id))


async def fetch_named(request: Request, response: Response, key: KeyInPath) -> JsonObject:
    """The same of another key."""
    return _tagged(response, await _service(request).fetch(key))


async def reset_spend(request: Request, response: Response, key: KeyInPath, body: KeyReset) -> JsonObject:
    """Have less count as spent of a key's budgets."""
    return _tagged(response, await _service(request).reset_spend(key, body.reset_to))


async def health(_request: Request) -> JsonObject:
    """Whether the calling key works; it does, or this would not be answered."""
    return {"key": "healthy", "logging_callbacks": None}


async def info(
    request: Request, response: Response, key: Annotated[str | None, Query(max_length=1024)] = None
) -> JsonObject:
    """A key and its spend; without ``key`` the calling one."""
    caller = caller_of(request)
    if caller.key.kind == "master" and key is None:
        raise not_found("The master key is not in the database; name a key with ?key=.", "key")
    return _tagged(response, await _service(request).info(key or caller.key.id))


async def infos(request: Request, body: KeyNames) -> JsonObject:
    """Several keys; those that do not exist are left out."""
    return await _service(request).infos(body.keys)


async def list_keys(
    request: Request,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 10,
    user_id: str | None = None,
    team_id: str | None = None,
    organization_id: str | None = None,
    project_id: str | None = None,
    access_group_id: Annotated[str | None, Query(max_length=255)] = None,
    agent_id: Annotated[str | None, Query(max_length=255)] = None,
    key_hash: str | None = None,
    key_alias: str | None = None,
    search: Annotated[str | None, Query(max_length=255)] = None,
    status: Literal["active", "blocked", "expired", "deleted"] | None = None,
    expires: str | None = None,
    include_team_keys: bool = False,
    include_created_by_keys: bool = False,
    expand: Annotated[list[Literal["user"]] | None, Query(max_length=8)] = None,
    sort_by: SortBy = "created_at",
    sort_order: Literal["asc", "desc"] = "desc",
    return_full_object: bool = False,
    substring_matching: bool = False,
) -> JsonObject:
    """Ids of keys, or the keys themselves with ``return_full_object`` or ``expand``; newest first unless asked otherwise.

    ``status=deleted`` lists deleted keys as they were, with ``deleted_at`` and ``deleted_by``.

    ``include_team_keys`` and ``include_created_by_keys`` widen ``user_id``: to keys of teams that the user administers, and
    to keys that the user has made.
    """
    services = services_of(request)
    now = services.clock()
    wanted = KeyFilter(
        id=key_hash,
        alias=None if substring_matching else key_alias,
        search=key_alias if substring_matching else search,
        user_id=user_id,
        or_administered=include_team_keys,
        or_created=include_created_by_keys,
        team_id=team_id,
        org_id=organization_id,
        project_id=project_id,
        blocked={"active": False, "blocked": True}.get(status or ""),
        expires_after=now if status == "active" else None,
        expires_before=now if status == "expired" else _moment(expires),
        access_group_id=access_group_id,
        agent_id=agent_id,
        reach=(_within(request, DELETED_KEYS if status == "deleted" else KEYS),),
    )
    order, window = (sort_by, sort_order == "desc"), ((page - 1) * size, size)
    near = reach(caller_of(request).actor, Action.USER_READ).where_users(USERS.c.id)

    def query(connection: sa.Connection) -> tuple[int, list[Any]]:
        full = return_full_object or expand
        shown: list[JsonObject]
        if status == "deleted":
            gone, total = keys.deleted(connection, wanted, order, window)
            if not full:
                return total, [row.id for row in gone]
            shown = deleted_views(connection, gone, now)
        else:
            total, rows = keys.listed(connection, wanted, order, window)
            if not full:
                return total, [row.id for row in rows]
            shown = [{"token": row.id, **view} for row, view in zip(rows, views(connection, rows, now), strict=True)]
        return total, with_users(connection, shown, near) if expand else shown

    total, found = await services.database.read(query)
    return {"keys": found, "total_count": total, "current_page": page, "total_pages": -(-total // size)}


async def list_aliases(
    request: Request,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    size: Annotated[int, Query(ge=1, le=100)] = 50,
    search: Annotated[str | None, Query(max_length=255)] = None,
    team_id: str | None = None,
) -> JsonObject:
    """Aliases of keys, in order."""
    wanted = KeyFilter(search=search, team_id=team_id, reach=(_within(request),))
    window = ((page - 1) * size, size)
    found, total = await services_of(request).database.read(lambda connection: keys.aliases(connection, wanted, window))
    pages = -(-total // size)
    return {"aliases": found, "total_count": total, "current_page": page, "total_pages": pages, "size": size}


def _within(request: Request, table: sa.Table = KEYS) -> Condition:
    column = table.c
    return reach_of(request).where(user=column.user_id, team=column.team_id, org=column.org_id, key=column.id)


def _moment(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise bad_field("expires", str(error)) from error
