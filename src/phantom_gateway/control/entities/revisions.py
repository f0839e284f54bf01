"""What every change of an entity writes besides its columns: who, when, and one more revision."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

import sqlalchemy as sa

from phantom_gateway.control.commit import Writer
from phantom_gateway.control.errors import ApiError, bad_field
from phantom_gateway.store.tables import DELETED_KEYS, KEYS
from phantom_gateway.store.tenants import Allowance, JsonObject

A = TypeVar("A", bound=Allowance)


def stamps(writer: Writer) -> dict[str, Any]:
    """The columns of ``Stamped`` of a row that is new."""
    now = writer.now
    return {"created_at": now, "created_by": writer.by, "updated_at": now, "updated_by": writer.by}


def touched(row: A, writer: Writer, columns: dict[str, Any]) -> A:
    """``row`` with ``columns``, as its next revision."""
    return replace(row, **columns, updated_at=writer.now, updated_by=writer.by, revision=row.revision + 1)


def refuse_priority(before: JsonObject, after: JsonObject) -> None:
    """Which share of a model somebody has is for administrators to say. Raises ApiError 403."""
    if before.get("priority") != after.get("priority"):
        message = "metadata.priority: only a proxy_admin sets it"
        raise ApiError(403, message, kind="auth_error", param="metadata.priority")


def refuse_routing(before: JsonObject, after: JsonObject) -> None:
    """``router_settings`` may lead to models beyond one's own, so they are for administrators to say. Raises ApiError 403."""
    if before.get("router_settings") != after.get("router_settings"):
        message = "router_settings: only a proxy_admin sets them"
        raise ApiError(403, message, kind="auth_error", param="router_settings")


def refuse_other_budget(before: str | None, after: str | None) -> None:
    """Raises ApiError 403 when a change, or a new entity, refers to another budget than before.

    Reusable budgets belong to nobody but the proxy_admins: call it for everybody else.
    """
    if before != after:
        raise ApiError(403, "budget_id: only a proxy_admin may refer to a budget", kind="auth_error", param="budget_id")


def refuse_named(connection: sa.Connection, column: str, value: str, param: str) -> None:
    """Raises ApiError 400 when a key, or one that was, names ``value`` in ``column``.

    Keys may name what is not there. Whoever then makes it would get hold of them, so it is left to the proxy_admins: call
    it for everybody else.
    """
    for table in (KEYS, DELETED_KEYS):
        if connection.execute(sa.select(table.c.id).where(table.c[column] == value).limit(1)).first() is not None:
            raise bad_field(param, "is taken: keys name it; choose another one")
