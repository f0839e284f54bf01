"""``/user/*``: internal users."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response

from phantom_gateway.control.answers import people as answers
from phantom_gateway.control.commit import Effects, etag
from phantom_gateway.control.errors import ApiError, bad_field
from phantom_gateway.control.guard import caller_of, reach_of, route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.policy.roles import DESCRIPTIONS
from phantom_gateway.control.sign_in.events import OPERATOR
from phantom_gateway.control.users import lists
from phantom_gateway.control.users.fields import UserBulkUpdate, UserDelete, UserNew, UserUpdate, UserUpdateAll
from phantom_gateway.control.users.lists import UserFilter
from phantom_gateway.control.users.service import UserService
from phantom_gateway.control.users.view import flat, views, within
from phantom_gateway.store import tenants
from phantom_gateway.store.tenancy_tables import USERS

JsonObject = dict[str, Any]
Text = Annotated[str | None, Query(max_length=20_000)]
Name = Annotated[str | None, Query(max_length=255)]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["users"])
    route(routes, "POST", "/user/new", Action.USER_CREATE, new, answer=answers.UserMade, tagged=True)
    route(routes, "POST", "/user/update", Action.USER_UPDATE, update, answer=answers.UserChanged, tagged=True)
    route(routes, "POST", "/user/bulk_update", Action.USER_UPDATE, bulk_update, answer=answers.UsersTried, tagged=True)
    route(routes, "POST", "/user/delete", Action.USER_DELETE, delete, answer=answers.UsersDeleted)
    route(routes, "GET", "/user/info", Action.USER_READ, info, answer=answers.UserFound)
    route(routes, "GET", "/v2/user/info", Action.USER_READ, info_v2, answer=answers.UserAlone)
    route(routes, "GET", "/user/list", Action.USER_READ, list_users, answer=answers.UserList)
    route(routes, "GET", "/user/available_roles", Action.SELF, available_roles, answer=dict[str, answers.RoleLabel])
    route(routes, "GET", "/user/available_users", Action.USER_READ, available_users, answer=answers.Seats)
    return routes


def _service(request: Request) -> UserService:
    return UserService(writer_of(request), reach_of(request), caller_of(request))


async def new(request: Request, body: UserNew) -> JsonObject:
    """Create a user and, unless ``auto_create_key`` is false, a key; its plaintext is in this answer and nowhere else."""
    return await _service(request).new(body)


async def update(request: Request, body: UserUpdate) -> JsonObject:
    """Change the named fields of a user; the others stay."""
    return await _service(request).update(body)


async def bulk_update(request: Request, body: UserBulkUpdate) -> JsonObject:
    """Change several users, each for itself: the answer says which of them were changed."""
    service = _service(request)
    if (body.users is None) == (body.all_users is not True):
        raise bad_field("users", "give either users, or all_users with user_updates")
    if body.users is None:
        if body.user_updates is None:
            raise bad_field("user_updates", "is what all_users changes")
        return _summary(await _update_all(service, body.user_updates))
    return _summary([await _attempt(service, each) for each in body.users])


async def delete(request: Request, body: UserDelete) -> JsonObject:
    """Delete users and all that is theirs: all of them or none."""
    return {"deleted_users": await _service(request).delete(body.user_ids)}


async def info(request: Request, response: Response, user_id: Name = None) -> JsonObject:
    """A user with keys and teams; without ``user_id`` the calling one."""
    service = _service(request)
    wanted = service.own_id(user_id)
    if wanted == OPERATOR:
        return {"user_id": OPERATOR, "user_info": None, "keys": [], "teams": []}
    now = services_of(request).clock()

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        row = service.existing(connection, wanted)
        shown = {
            "user_id": row.id,
            "user_info": within(connection, views(connection, [row], now), service.reach)[0],
            "keys": lists.keys_of(connection, row, service.reach, now),
            "teams": lists.teams_of(connection, row, service.reach),
        }
        return shown, row.revision

    shown, revision = await services_of(request).database.read(query)
    response.headers["etag"] = etag(revision)
    return shown


async def info_v2(request: Request, response: Response, user_id: Name = None) -> JsonObject:
    """A user alone; without ``user_id`` the calling one."""
    service = _service(request)
    now = services_of(request).clock()

    def query(connection: sa.Connection) -> tuple[JsonObject, int]:
        row = service.existing(connection, service.own_id(user_id))
        return flat(within(connection, views(connection, [row], now), service.reach)[0]), row.revision

    shown, revision = await services_of(request).database.read(query)
    response.headers["etag"] = etag(revision)
    return shown


async def list_users(
    request: Request,
    role: Name = None,
    user_ids: Text = None,
    sso_user_ids: Text = None,
    user_email: Name = None,
    search: Name = None,
    team: Name = None,
    organization_ids: Text = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 25,
    sort_by: Literal["created_at", "updated_at", "user_id", "user_email", "user_alias", "user_role", "spend"]
    | None = None,
    sort_order: Literal["asc", "desc"] = "asc",
) -> JsonObject:
    """The users one reaches; newest first unless asked otherwise."""
    wanted = UserFilter(
        role=role,
        user_ids=user_ids,
        sso_user_ids=sso_user_ids,
        user_email=user_email,
        search=search,
        team=team,
        organization_ids=organization_ids,
    )
    far = reach_of(request)
    matching = [*lists.conditions(wanted, far), far.where_users(USERS.c.id)]
    order = (lists.SORTABLE[sort_by or "created_at"], sort_by is None or sort_order == "desc")
    now = services_of(request).clock()

    def query(connection: sa.Connection) -> tuple[int, list[JsonObject]]:
        total, rows = tenants.USERS.listed(connection, matching, order, ((page - 1) * page_size, page_size))
        return total, within(connection, views(connection, rows, now), far)

    total, users = await services_of(request).database.read(query)
    pages = -(-total // page_size)
    return {"users": users, "total": total, "page": page, "page_size": page_size, "total_pages": pages}


async def available_roles(request: Request) -> JsonObject:
    """The roles a user can have, built in and custom."""
    rows = await services_of(request).database.read(tenants.ROLES.all)
    built_in = {name: {"description": text, "ui_label": label} for name, (label, text) in DESCRIPTIONS.items()}
    return built_in | {row.id: {"description": row.description or "", "ui_label": row.id} for row in rows}


async def available_users(request: Request) -> JsonObject:
    """How many users there are; there is no number of seats."""
    mine = reach_of(request).where_users(USERS.c.id)
    used = await services_of(request).database.read(lambda connection: tenants.USERS.count(connection, mine))
    return {"total_users": None, "total_users_used": used, "total_users_remaining": None}


async def _attempt(service: UserService, fields: UserUpdate) -> JsonObject:
    named = {"user_id": fields.user_id, "user_email": fields.user_email}
    try:
        done = await service.update(fields)
    except ApiError as error:
        if error.status == 412 and not service.writer.tags:
            raise
        return {**named, "success": False, "error": error.message, "updated_user": None}
    return {**named, "user_id": done["user_id"], "success": True, "error": None, "updated_user": done["data"]}


async def _update_all(service: UserService, updates: UserUpdateAll) -> list[JsonObject]:
    def change(connection: sa.Connection, effects: Effects) -> list[JsonObject]:
        rows = tenants.USERS.all(connection, service.reach.where_users(USERS.c.id))
        return [service.change_one(connection, effects, row, updates, None) for row in rows]

    changed = await service.writer.commit(change)
    return [
        {
            "user_id": each["user_id"],
            "user_email": each["user_email"],
            "success": True,
            "error": None,
            "updated_user": each,
        }
        for each in changed
    ]


def _summary(results: list[JsonObject]) -> JsonObject:
    good = sum(1 for result in results if result["success"])
    return {
        "results": results,
        "total_requested": len(results),
        "successful_updates": good,
        "failed_updates": len(results) - good,
    }
