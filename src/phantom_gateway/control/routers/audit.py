"""``/audit``: the audit log, as LiteLLM shows it."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request

from phantom_gateway.control.answers import subjects as answers
from phantom_gateway.control.errors import bad_field, not_found
from phantom_gateway.control.guard import route, services_of
from phantom_gateway.control.policy.actions import Action
from phantom_gateway.control.timestamps import is_date, iso, parse
from phantom_gateway.security.audit_events import Table
from phantom_gateway.store import audit
from phantom_gateway.store.audit import AuditFilter, Stored
from phantom_gateway.store.spend_logs import DAY_US

JsonObject = dict[str, Any]
_MAX_SEQ = (1 << 63) - 1


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(tags=["audit"])
    route(routes, "GET", "/audit", Action.AUDIT_READ, list_records, answer=answers.AuditPage)
    route(routes, "GET", "/audit/{id}", Action.AUDIT_READ, get_record, answer=answers.AuditRecordView)
    return routes


async def list_records(
    request: Request,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=100)] = 10,
    changed_by: str | None = None,
    changed_by_api_key: str | None = None,
    action: str | None = None,
    table_name: str | None = None,
    object_id: str | None = None,
    start_date: str | None = None,
    end_date: str | None = None,
    object_team_id: str | None = None,
    object_key_hash: str | None = None,
    search: Annotated[str | None, Query(max_length=255)] = None,
    sort_by: Literal["updated_at", "changed_by", "action", "table_name", "object_id"] = "updated_at",
    sort_order: Literal["asc", "desc"] = "desc",
) -> JsonObject:
    """Records, newest first unless asked otherwise. ``end_date`` as a date includes that day."""
    if object_key_hash is not None:
        if object_id not in (None, object_key_hash) or table_name not in (None, Table.KEY.value):
            raise bad_field("object_key_hash", "contradicts object_id or table_name")
        object_id, table_name = object_key_hash, Table.KEY.value
    wanted = AuditFilter(
        changed_by=changed_by,
        key_id=changed_by_api_key,
        action=action,
        table_name=table_name,
        object_id=object_id,
        team_id=object_team_id,
        since=_moment("start_date", start_date),
        until=_moment("end_date", end_date, end=True),
        search=search,
    )

    def query(connection: sa.Connection) -> tuple[int, list[Stored]]:
        order = (sort_by, sort_order == "desc")
        window = ((page - 1) * page_size, page_size)
        if wanted != AuditFilter():
            return audit.listed(connection, wanted, order, window)
        # Counting everything is what the head of the log knows already.
        return audit.head_of(connection).seq, audit.page(connection, wanted, order, window)

    total, found = await services_of(request).database.read(query)
    return {
        "audit_logs": [view(stored) for stored in found],
        "total": total,
        "page": page,
        "page_size": page_size,
        "total_pages": -(-total // page_size),
    }


async def get_record(request: Request, id: str) -> JsonObject:  # noqa: A002 # the path's own name
    """One record by its number."""
    seq = int(id) if id.isascii() and id.isdigit() and len(id) < 20 else 0
    stored = None
    if 0 < seq <= _MAX_SEQ:
        stored = await services_of(request).database.read(lambda connection: audit.get(connection, seq))
    if stored is None:
        raise not_found("No such audit record.", "id")
    return view(stored)


def view(stored: Stored) -> JsonObject:
    """A record in LiteLLM's shape, and what the chain knows beyond it."""
    record = stored.record
    return {
        "id": str(record.seq),
        "updated_at": iso(record.ts / 1e6),
        "changed_by": record.changed_by,
        "changed_by_api_key": record.key_id,
        "action": record.action,
        "table_name": record.table_name,
        "object_id": record.object_id,
        "before_value": None if record.before is None else json.loads(record.before),
        "updated_values": None if record.after is None else json.loads(record.after),
        "event": record.event,
        "actor": record.actor,
        "actor_kind": record.actor_kind,
        "result": record.result,
        "request_id": record.request_id,
        "node": record.node,
        "hash": stored.hash,
        "prev": record.prev,
    }


def _moment(name: str, text: str | None, *, end: bool = False) -> int | None:
    """Unix microseconds; the end of a day when ``end`` is a date."""
    if text is None:
        return None
    try:
        moment = int(parse(text) * 1_000_000)
    except (ValueError, OverflowError) as error:
        raise bad_field(name, str(error)) from error
    return moment + DAY_US if end and is_date(text) else moment
