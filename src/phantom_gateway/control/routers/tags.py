"""``/tag/*``: labels of requests, with limits and models of their own."""

from __future__ import annotations

from typing import Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Request, Response

from phantom_gateway.control.answers import subjects as answers
from phantom_gateway.control.answers.base import Message
from phantom_gateway.control.commit import etag
from phantom_gateway.control.entities.listing import (
    MOST,
    PageNumber,
    PageSize,
    SearchText,
    SortOrder,
    Wanted,
    tell_total,
)
from phantom_gateway.control.entities.subjects import SubjectService
from phantom_gateway.control.errors import bad_field
from phantom_gateway.control.guard import route, services_of, writer_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.tags.fields import TagDelete, TagFields, TagNames
from phantom_gateway.control.tags.view import TagFilter, kind, listed, views
from phantom_gateway.control.timestamps import is_date, parse
from phantom_gateway.store import tenants
from phantom_gateway.store.tenants import TagRow

JsonObject = dict[str, Any]
DAY = 86_400.0


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["tags"])
    route(routes, "POST", "/tag/new", Action.TAG_WRITE, new, answer=answers.TagChanged)
    route(routes, "POST", "/tag/update", Action.TAG_WRITE, update, answer=answers.TagChanged)
    route(routes, "POST", "/tag/delete", Action.TAG_WRITE, delete, answer=Message)
    route(routes, "POST", "/tag/info", Action.TAG_READ, info, answer=dict[str, answers.TagView])
    route(routes, "GET", "/tag/list", Action.TAG_READ, list_tags, answer=list[answers.TagView | answers.TagSeen])
    return routes


def _service(request: Request) -> SubjectService[TagRow]:
    return SubjectService(writer_of(request), kind())


async def new(request: Request, response: Response, body: TagFields) -> JsonObject:
    """Give a tag limits or models."""
    now = services_of(request).clock()
    shown, revision = await _service(request).create(TagRow(id=body.name, created_at=now, updated_at=now), body)
    response.headers["etag"] = etag(revision)
    return {"message": f"Tag {body.name} created successfully", "tag": shown}


async def update(request: Request, response: Response, body: TagFields) -> JsonObject:
    """Change the named fields of a tag."""
    shown, revision = await _service(request).update(body.name, body)
    response.headers["etag"] = etag(revision)
    return {"message": f"Tag {body.name} updated successfully", "tag": shown}


async def delete(request: Request, body: TagDelete) -> JsonObject:
    """Take its limits from a tag; requests may go on carrying it."""
    await _service(request).delete([body.name], "name")
    return {"message": f"Tag {body.name} deleted successfully"}


async def info(request: Request, response: Response, body: TagNames) -> JsonObject:
    """Several tags by name. Raises 404 when none of them exists."""
    services, names = services_of(request), list(dict.fromkeys(body.names))

    def query(connection: sa.Connection) -> tuple[JsonObject, list[TagRow]]:
        rows = tenants.TAGS.of(connection, "id", names)
        if not rows:
            kind().existing(connection, names[0], "names")
        shown = views(connection, rows, services.clock())
        return {row.id: view for row, view in zip(rows, shown, strict=True)}, rows

    found, rows = await services.database.read(query)
    if len(names) == len(rows) == 1:
        response.headers["etag"] = etag(rows[0].revision)
    return found


async def list_tags(
    request: Request,
    response: Response,
    start_date: str | None = None,
    end_date: str | None = None,
    search: SearchText = None,
    page: PageNumber = 1,
    size: PageSize = MOST,
    sort_by: Literal["source", "name", "created_at", "spend", "last_active"] = "source",
    sort_order: SortOrder = "asc",
) -> list[JsonObject]:
    """Tags that were made, then those that requests carried between the dates; ``sort_by`` mixes them.

    ``search`` is a part of a name.
    """
    services = services_of(request)
    since, until = _moment("start_date", start_date), _moment("end_date", end_date)
    if until is not None and is_date(end_date or ""):
        until += DAY
    asked, wanted = TagFilter(search, since, until), Wanted(page, size, sort_by, sort_order)
    total, found = await services.database.read(lambda connection: listed(connection, asked, wanted, services.clock()))
    tell_total(response, total)
    return found


def _moment(name: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise bad_field(name, str(error)) from error
